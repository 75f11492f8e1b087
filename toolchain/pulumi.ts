import { createHash } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, delimiter, dirname, join } from "node:path";
import { cacheRoot, exists } from "./cache.ts";
import { ensureTool } from "./ensure.ts";
import { installKubernetes, kubernetesInstalled, officialLanguageHost, pulumiHome } from "./pulumi-plugins.ts";
import { ANNOUNCED, STAND_INS } from "./standins/announce.ts";
import { placeBinary, placeLink, wrapperText, writeWrapper } from "./standins/wrapper.ts";

export interface PulumiOptions {
  /**
   * Absolute folder of a `file://` backend; it is created, and its secrets have an empty passphrase. Default: the
   * user's own backend.
   */
  backendDir?: string;
  /**
   * Receives progress and the stand-ins in use as single lines. Without it each stand-in announces itself in Pulumi's
   * output.
   */
  report?: (line: string) => void;
}

export interface PulumiEnvironment {
  /** For `PulumiCommand.get({ root })`: holds `bin/pulumi`. */
  root: string;
  /** What to set on top of the process' own environment. */
  env: Record<string, string>;
  /** One sentence for each official part that a stand-in replaces. */
  standIns: string[];
}

/** The folder with `bin/pulumi`, or the Pulumi home, and the part in it that a stand-in replaces. */
interface Place {
  folder: string | undefined;
  standIn?: string;
}

/**
 * Finds or builds the Pulumi CLI and whatever it needs to run nodejs programs, policy packs and the kubernetes provider
 * in YAML rendering mode. Official parts are used wherever they are installed; a stand-in never shadows one.
 * @throws ToolchainError if there is no CLI and none can be built
 */
export async function pulumiEnvironment(options: PulumiOptions = {}): Promise<PulumiEnvironment> {
  const { backendDir, report } = options;
  const pulumi = await ensureTool("pulumi", report);
  const generated = await standInFolder(pulumi);
  const root = await rootFor(pulumi, generated);
  const home = await homeFor(pulumi, join(generated, "home"));
  const standIns = [root, home].flatMap(({ standIn }) => standIn ?? []);
  for (const sentence of standIns) report?.(sentence);
  if (backendDir !== undefined) await mkdir(backendDir, { recursive: true });
  const node = join(import.meta.dirname, "..", "node_modules", ".bin");
  return {
    root: root.folder,
    standIns,
    env: {
      PATH: [join(root.folder, "bin"), node, process.env["PATH"] ?? ""].join(delimiter),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      ...(home.folder !== undefined && { PULUMI_HOME: home.folder }),
      ...(backendDir !== undefined && { PULUMI_BACKEND_URL: `file://${backendDir}`, PULUMI_CONFIG_PASSPHRASE: "" }),
      ...(standIns.length > 0 && { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" }),
      ...(report !== undefined && { [ANNOUNCED]: "true" }),
    },
  };
}

/** One folder for each CLI, Node and checkout, so that parallel runs write the same bytes. */
async function standInFolder(pulumi: string): Promise<string> {
  const key = createHash("sha256")
    .update(`${await realpath(pulumi)}\n${wrapperText("language")}`)
    .digest("hex");
  return join(cacheRoot(), `pulumi-stand-ins-${key.slice(0, 16)}`);
}

/** The folder of the CLI itself, or a folder that holds the CLI and the stand-in of the language host. */
async function rootFor(pulumi: string, generated: string): Promise<Place & { folder: string }> {
  const cli = join(generated, "bin", "pulumi");
  if (await officialLanguageHost(pulumi)) {
    if (basename(dirname(pulumi)) === "bin") return { folder: dirname(dirname(pulumi)) };
    if (!(await exists(cli))) await placeLink(pulumi, cli);
    return { folder: generated };
  }
  if (!(await exists(cli))) await placeBinary(pulumi, cli);
  await writeWrapper("language", join(generated, "bin", "pulumi-language-nodejs"));
  return { folder: generated, standIn: STAND_INS.language };
}

/**
 * PULUMI_HOME; undefined means that it stays as it is. The stand-in has a home of its own, where no official plugin is
 * ever installed.
 */
async function homeFor(pulumi: string, standInHome: string): Promise<Place> {
  const { version }: { version: string } = createRequire(import.meta.url)("@pulumi/kubernetes/package.json");
  if (await kubernetesInstalled(pulumiHome(), version)) return { folder: undefined };
  const home = join(cacheRoot(), "pulumi-home");
  const note = join(cacheRoot(), `kubernetes-plugin-${version}.not-downloaded`);
  const refusal = await installKubernetes({ pulumi, home, version, note });
  if (refusal === undefined) return { folder: home };
  const plugin = join(standInHome, "plugins", `resource-kubernetes-v${version}`, "pulumi-resource-kubernetes");
  await writeWrapper("kubernetes", plugin);
  return { folder: standInHome, standIn: `${STAND_INS.kubernetes}; installing it failed: ${refusal}` };
}

import { access, constants, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import which from "which";
import writeFileAtomic from "write-file-atomic";
import { isStandIn } from "./standins/wrapper.ts";

const INSTALL_DEADLINE_MS = 60_000;
const REFUSAL_HOLDS_MS = 24 * 60 * 60 * 1000;

async function isOfficial(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return !(await isStandIn(path));
  } catch {
    return false;
  }
}

async function anyOfficial(paths: readonly string[]): Promise<boolean> {
  return (await Promise.all(paths.map(isOfficial))).includes(true);
}

async function onPath(name: string): Promise<readonly string[]> {
  return (await which(name, { all: true, nothrow: true })) ?? [];
}

/** Whether there is an official nodejs language host: beside the CLI, where the installer puts it, or on PATH. */
export async function officialLanguageHost(pulumi: string): Promise<boolean> {
  const name = "pulumi-language-nodejs";
  const beside = [dirname(pulumi), dirname(await realpath(pulumi))].map((folder) => join(folder, name));
  return anyOfficial([...beside, ...(await onPath(name))]);
}

/** Whether the plugin in a folder can be used for version `wanted`: it has the same major version and is not older. */
export function serves(folder: string, wanted: string): boolean {
  const version = /^resource-kubernetes-v(\d+\.\d+\.\d+)$/.exec(folder)?.[1];
  if (version === undefined || version.split(".")[0] !== wanted.split(".")[0]) return false;
  return version.localeCompare(wanted, "en", { numeric: true }) >= 0;
}

export function pulumiHome(): string {
  return process.env["PULUMI_HOME"] || join(homedir(), ".pulumi");
}

async function homeHasKubernetes(home: string, version: string): Promise<boolean> {
  const folders = await readdir(join(home, "plugins")).catch(() => []);
  const fitting = folders.filter((folder) => serves(folder, version));
  return anyOfficial(fitting.map((folder) => join(home, "plugins", folder, "pulumi-resource-kubernetes")));
}

/** Whether the official kubernetes plugin is on PATH, or in the home in a version that can be used for `version`. */
export async function kubernetesInstalled(home: string, version: string): Promise<boolean> {
  return (await anyOfficial(await onPath("pulumi-resource-kubernetes"))) || (await homeHasKubernetes(home, version));
}

export interface Installation {
  pulumi: string;
  /** The Pulumi home to install into; never the user's own. */
  home: string;
  version: string;
  /** File that records a failed download for a day, so that it is not tried again on every run. */
  note: string;
}

/**
 * Makes sure that `home` has the official kubernetes plugin, and downloads it if necessary. Returns why it failed, or
 * undefined. A download that failed is remembered; what failed for another reason is tried again.
 */
export async function installKubernetes({ pulumi, home, version, note }: Installation): Promise<string | undefined> {
  if (await homeHasKubernetes(home, version)) return undefined;
  const remembered = await recentRefusal(note);
  if (remembered !== undefined) return remembered;
  const refusal = await askForKubernetes(pulumi, home, version);
  if (await homeHasKubernetes(home, version)) {
    await rm(note, { force: true });
    return undefined;
  }
  if (isOfDownload(refusal)) await writeFileAtomic(note, refusal);
  return refusal;
}

const NO_ANSWER = "downloading it took longer than a minute";

/**
 * Pulumi runs in an empty folder: it looks for a project in the working directory and in every folder above it, and where it finds this
 * checkout, which is both a project and a plugin, it installs nothing. The cache of the toolchain may lie in the checkout.
 */
async function askForKubernetes(pulumi: string, home: string, version: string): Promise<string> {
  await mkdir(home, { recursive: true });
  const empty = await mkdtemp(join(tmpdir(), "pulumi-llmkube-install-"));
  try {
    const { timedOut, stderr } = await execa(pulumi, ["plugin", "install", "resource", "kubernetes", `v${version}`], {
      cwd: empty,
      env: { PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
      reject: false,
      stdin: "ignore",
      timeout: INSTALL_DEADLINE_MS,
    });
    return timedOut ? NO_ANSWER : refusalIn(stderr);
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}

/** The last line says how often it was tried, and the warning of the last try says why it failed. */
function refusalIn(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  return (
    lines.findLast((line) => DOWNLOAD.test(line)) ?? (lines.findLast((line) => line !== "") || "pulumi gave no reason")
  );
}

const DOWNLOAD = /^warning: Error downloading plugin: /;

function isOfDownload(refusal: string): boolean {
  return refusal === NO_ANSWER || DOWNLOAD.test(refusal);
}

async function recentRefusal(note: string): Promise<string | undefined> {
  try {
    const { mtimeMs } = await stat(note);
    return Date.now() - mtimeMs < REFUSAL_HOLDS_MS ? await readFile(note, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

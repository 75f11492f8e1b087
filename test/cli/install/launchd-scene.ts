import { readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LaunchdSite } from "../../../cli/install/launchctl.ts";
import { type Facts, installPlan } from "../../../cli/install/plan.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import type { Launchd } from "./stand-in-launchctl.ts";

const PROGRAM = join(import.meta.dirname, "stand-in-launchctl.ts");

/** A launchd that is stood in for, with its folder of files. */
export async function launchdScene(state: Partial<Launchd> = {}) {
  const folder = await temporaryDirectory();
  const file = join(folder, "launchd.json");
  const first: Launchd = { drainMs: 0, program: "runs", ...state };
  await writeFile(file, JSON.stringify(first));
  const launchctl = await script(
    folder,
    "stand-in-launchctl",
    `exec "${process.execPath}" "${PROGRAM}" "${file}" "$@"`,
  );
  const patience = { pauseMs: 20, goneMs: 8000, startMs: 4000, steadyMs: 300 };
  const site: LaunchdSite = { folder, launchctl, ...patience };
  return {
    ...{ folder, site },
    tmutil: await script(folder, "stand-in-tmutil", `echo "$@" >> "${folder}/tmutil"`),
    change: (part: Partial<Launchd>) => {
      const now: Launchd = JSON.parse(readFileSync(file, "utf8"));
      return writeFile(file, JSON.stringify({ ...now, ...part }));
    },
    /** The subcommands so far, without the looks. */
    verbs: () =>
      readFileSync(`${file}.calls`, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ")[0] ?? "")
        .filter((verb) => verb !== "print"),
  };
}

export async function script(folder: string, name: string, body: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

/** A Mac with Homebrew, on which ada installs from a terminal. */
export const FACTS: Facts = {
  user: { name: "ada", uid: 501, home: "/Users/ada" },
  node: "/opt/homebrew/Cellar/node/24.1.0/bin/node",
  program: "/opt/homebrew/lib/node_modules/pulumi-llmkube/bin/pulumi-llmkube.js",
  llamaServer: "/opt/homebrew/bin/llama-server",
  options: [{ flag: "--manifests", value: "/Users/ada/m", use: "list" }],
  models: "/Users/ada/Library/Application Support/pulumi-llmkube/models",
  env: {},
  behindSudo: false,
  hasLink: () => true,
  realPath: (path) => path,
};

/** A plan whose home and models are in `home`. */
export function planIn(home: string) {
  return installPlan({ ...FACTS, user: { ...FACTS.user, home }, models: join(home, "my models") });
}

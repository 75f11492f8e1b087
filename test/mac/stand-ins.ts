import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { MacPaths } from "../../agent/host/darwin/mac-paths.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { commandScripts } from "./commands.ts";
import type { Mac } from "./mac.ts";
import { nativeParts } from "./native.ts";
import { playedServer } from "./played-server.ts";

/** What play-mac.ts reads. */
export interface Played {
  readonly paths: MacPaths;
  readonly memoryBytes: number;
  readonly koffi: boolean;
}

/** A Mac that is played: a folder with stand-ins for all that the agent uses of macOS. */
export interface PlayedMac {
  readonly folder: string;
  /** Its llama-server; the file has that name, in a folder of stand-ins. */
  readonly llamaServer: string;
  /** For whatever is to believe that it runs on this Mac. */
  readonly env: Readonly<Record<string, string>>;
}

const PRELOAD = pathToFileURL(join(import.meta.dirname, "play-mac.ts")).href;

export async function playMac(mac: Mac): Promise<PlayedMac> {
  const folder = await temporaryDirectory();
  const [bin, bare] = [join(folder, "stand-ins"), join(folder, "by-bare-name")];
  const [native, realServer, weights] = await Promise.all([
    nativeParts(),
    ensureTool("llama-server", () => {}),
    ensureTool("gemma3-270m", () => {}),
  ]);
  await Promise.all(
    ["stand-ins", "by-bare-name", "sysctl", "reports", "daemons"].map((name) => mkdir(join(folder, name))),
  );
  const scripts = commandScripts(mac, folder, native);
  const { size: weightsBytes } = await stat(weights);
  const server = playedServer(mac, { folder, native, realServer, weightsBytes });
  for (const [name, text] of Object.entries({ ...scripts, ...server.scripts })) await script(join(bin, name), text);
  // A daemon's PATH is short: no command of macOS may be called by its bare name. One that is gets its answer, and a line in the log.
  for (const name of Object.keys(scripts)) {
    await script(join(bare, name), `echo "bare ${name}" >> "${folder}/calls.log"\nexec "${join(bin, name)}" "$@"`);
  }
  for (const [name, text] of Object.entries(server.files)) await writeFile(join(folder, name), text);
  for (const [name, value] of Object.entries(mac.sysctl)) await writeFile(join(folder, "sysctl", name), `${value}\n`);
  const played: Played = {
    paths: pathsIn(folder, native.libSystem),
    memoryBytes: mac.chip.memoryGib * 2 ** 30,
    koffi: mac.koffi,
  };
  await writeFile(join(folder, "played.json"), JSON.stringify(played));
  const env = {
    PLAY_MAC: folder,
    NODE_OPTIONS: `--import=${PRELOAD}`,
    PATH: [bare, process.env["PATH"] ?? ""].join(":"),
  };
  return { folder, llamaServer: join(bin, "llama-server"), env };
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}

function pathsIn(folder: string, libSystem: string): MacPaths {
  const command = (name: string) => join(folder, "stand-ins", name);
  return {
    ps: command("ps"),
    lsof: command("lsof"),
    sysctl: command("sysctl"),
    vmStat: command("vm_stat"),
    footprint: command("footprint"),
    taskpolicy: command("taskpolicy"),
    launchctl: command("launchctl"),
    caffeinate: command("caffeinate"),
    fdesetup: command("fdesetup"),
    pmset: command("pmset"),
    tmutil: command("tmutil"),
    swVers: command("sw_vers"),
    libSystem,
    diagnosticReports: join(folder, "reports"),
    launchDaemons: join(folder, "daemons"),
  };
}

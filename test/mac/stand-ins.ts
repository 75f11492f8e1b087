import { chmod, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { MAC } from "../../agent/host/darwin/mac-paths.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { commandScripts, PERSON } from "./commands.ts";
import type { Mac, ServerBehaviour } from "./mac.ts";
import { nativeParts } from "./native.ts";
import { playedServer } from "./played-server.ts";
import { toolsIn } from "./proof-commands.ts";

/** What play-mac.ts reads. */
export interface Played {
  readonly paths: Readonly<Record<string, string>>;
  /** What the proof calls. */
  readonly tools: Readonly<Record<string, string>>;
  readonly person: { readonly name: string; readonly home: string };
  readonly memoryBytes: number;
  readonly koffi: boolean;
}

/** A Mac that is played: a folder with stand-ins for all that the agent uses of macOS. */
export interface PlayedMac {
  readonly folder: string;
  /** Its llama-server, alone in its folder; the file has that name, so that PATH may lead to it. */
  readonly llamaServer: string;
  /** Puts another build in its place, as an upgrade does. */
  readonly install: (behaviour: Partial<ServerBehaviour>) => Promise<void>;
  /** For whatever is to believe that it runs on this Mac. */
  readonly env: Readonly<Record<string, string>>;
}

const PRELOAD = pathToFileURL(join(import.meta.dirname, "play-mac.ts")).href;

export async function playMac(mac: Mac): Promise<PlayedMac> {
  const folder = await temporaryDirectory();
  const [bin, bare, brewed] = ["stand-ins", "by-bare-name", "stand-in-homebrew"].map((name) => join(folder, name));
  if (!bin || !bare || !brewed) throw new Error("three folders");
  const [native, realServer, weights] = await Promise.all([
    nativeParts(),
    ensureTool("llama-server", () => {}),
    ensureTool("gemma3-270m", () => {}),
  ]);
  const folders = [bin, bare, brewed, ...["sysctl", "reports", "daemons"].map((name) => join(folder, name))];
  await Promise.all(folders.map((each) => mkdir(each)));
  const scripts = commandScripts(mac, folder, native);
  const { size: weightsBytes } = await stat(weights);
  for (const [name, text] of Object.entries(scripts)) await script(join(bin, name), text);
  // A daemon's PATH is short: no command of macOS may be called by its bare name. One that is gets its answer, and a line in the log.
  for (const name of Object.keys(scripts)) {
    await script(join(bare, name), `echo "bare ${name}" >> "${folder}/calls.log"\nexec "${join(bin, name)}" "$@"`);
  }
  const llamaServer = join(brewed, "llama-server");
  const install = async (behaviour: Partial<ServerBehaviour>) => {
    const built = { ...mac, server: { ...mac.server, ...behaviour } };
    const server = playedServer(built, { folder, native, realServer, weightsBytes });
    for (const [name, text] of Object.entries(server.files)) await writeFile(join(folder, name), text);
    await script(`${llamaServer}-new`, server.script);
    await rename(`${llamaServer}-new`, llamaServer);
  };
  await install({});
  for (const [name, value] of Object.entries(mac.sysctl)) await writeFile(join(folder, "sysctl", name), `${value}\n`);
  const paths = pathsIn(folder, native.libSystem, scripts);
  const played: Played = {
    paths,
    tools: toolsIn(bin, paths),
    person: { name: PERSON, home: join(folder, "home") },
    memoryBytes: mac.chip.memoryGib * 2 ** 30,
    koffi: mac.koffi,
  };
  await writeFile(join(folder, "played.json"), JSON.stringify(played));
  const env = {
    PLAY_MAC: folder,
    NODE_OPTIONS: `--import=${PRELOAD}`,
    PATH: [bare, process.env["PATH"] ?? ""].join(":"),
  };
  return { folder, llamaServer, install, env };
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}

/** The same table as in production; a command has its own name in the folder of stand-ins. */
function pathsIn(folder: string, libSystem: string, scripts: object): Record<string, string> {
  const elsewhere: Readonly<Record<string, string>> = {
    libSystem,
    diagnosticReports: join(folder, "reports"),
    launchDaemons: join(folder, "daemons"),
  };
  const entries = Object.entries(MAC).map(([key, path]) => {
    const name = basename(path);
    if (!(key in elsewhere || name in scripts)) throw new Error(`${path} has no stand-in: add one to commands.ts`);
    return [key, elsewhere[key] ?? join(folder, "stand-ins", name)];
  });
  return Object.fromEntries(entries);
}

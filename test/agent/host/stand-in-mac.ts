import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Libproc } from "../../../agent/host/darwin/libproc.ts";
import { MAC, type MacPaths } from "../../../agent/host/darwin/mac-paths.ts";
import type { Usage } from "../../../agent/host/darwin/process-usage.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** Shell scripts in place of commands of macOS. */
export interface StandInCommands {
  readonly mac: MacPaths;
  /** Path of llama-server. */
  readonly llamaServer: string;
  readonly command: (name: string, script: string) => Promise<void>;
  /** Names of the commands that were started so far, in order. */
  readonly started: () => Promise<readonly string[]>;
}

/** A table of paths of which nothing exists before `command` has made it. */
export async function standInCommands(): Promise<StandInCommands> {
  const folder = await temporaryDirectory();
  const log = join(folder, "started");
  await writeFile(log, "");
  const paths = Object.fromEntries(Object.entries(MAC).map(([key, path]) => [key, join(folder, nameIn(path))]));
  return {
    mac: { ...MAC, ...paths },
    llamaServer: join(folder, "llama-server"),
    command: async (name, script) => {
      await writeFile(join(folder, name), `#!/bin/sh\necho ${name} >> '${log}'\n${script}\n`);
      await chmod(join(folder, name), 0o755);
    },
    started: async () => (await readFile(log, "utf8")).split("\n").filter((line) => line !== ""),
  };
}

function nameIn(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A process of {@link standInLibproc}. */
export interface StandInProcess extends Usage {
  readonly group: number;
}

/** System calls that know these processes by pid; one that is undefined cannot be read. */
export function standInLibproc(
  processes: ReadonlyMap<number, StandInProcess | undefined>,
  sysctls: Readonly<Record<string, Buffer>> = {},
): Libproc {
  return {
    usage: (pid) => (processes.has(pid) ? processes.get(pid) : "gone"),
    group: (pid) => [...processes].filter(([, one]) => one?.group === pid).map(([member]) => member),
    sysctl: (name) => sysctls[name],
    availableBytes: () => 4096,
  };
}

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}

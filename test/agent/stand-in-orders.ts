import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../support/workspace.ts";

/** Memory to grow to, as the agent measures it, and how fast. */
export interface Growth {
  readonly toMib: number;
  readonly mibPerSecond: number;
}

/** What one server is to do from now on. What is absent it does as it should. */
export interface Orders {
  readonly grow?: Growth;
  /** It starts a child process that grows. */
  readonly childGrows?: Growth;
  /** It prints this many MiB a second. */
  readonly printMibPerSecond?: number;
  /** It takes connections, and answers nothing. */
  readonly hangs?: boolean;
  readonly ignoresSigterm?: boolean;
  /** Before it prints its projection it grows, and prints none then. */
  readonly projectionGrows?: Growth;
}

/** A stand-in for llama-server whose servers take orders while they run, each by its name. */
export interface OrderedStandIn {
  readonly path: string;
  /** Replaces the orders of `default/chat`, whether it runs or not. They hold for each later start, too. */
  readonly order: (workload: string, orders: Orders) => Promise<void>;
  /** From now on it does as it should, but for memory that it holds already. */
  readonly relieve: (workload: string) => Promise<void>;
}

const PROGRAM = join(import.meta.dirname, "stand-in-on-demand.ts");

interface Shape {
  /** A shell script that starts the server and waits for it, so that the agent's child is not the server. */
  readonly wrapped?: boolean;
  /** It is asked for a projection before each start. */
  readonly projects?: boolean;
}

export async function orderedStandIn({ wrapped = false, projects = false }: Shape = {}): Promise<OrderedStandIn> {
  const folder = await temporaryDirectory();
  const [path, orders] = [join(folder, "stand-in-llama-server-on-demand"), join(folder, "orders")];
  await mkdir(orders);
  const command = `"${process.execPath}" "${PROGRAM}" "${orders}" ${projects ? "projects" : "plain"} "$@"`;
  await writeFile(path, wrapped ? `#!/bin/sh\n${command}\nexit $?\n` : `#!/bin/sh\nexec ${command}\n`);
  await chmod(path, 0o755);
  const fileOf = (workload: string) => join(orders, fileNameOf(workload));
  return {
    path,
    order: async (workload, wanted) => {
      const file = fileOf(workload);
      await writeFile(`${file}.new`, JSON.stringify(wanted));
      await rename(`${file}.new`, file);
    },
    relieve: (workload) => rm(fileOf(workload), { force: true }),
  };
}

/** Name of the file with the orders of a workload. */
export function fileNameOf(workload: string): string {
  return `${workload.replace("/", "_")}.json`;
}

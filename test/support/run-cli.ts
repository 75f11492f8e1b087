import { join } from "node:path";
import { execa } from "execa";

/** The command line from source, to be run by Node.js. */
export const CLI = join(import.meta.dirname, "cli.ts");

/** Runs the command line in a process of its own, to its end. */
export async function runCli(...args: readonly string[]) {
  return execa(process.execPath, [CLI, ...args], { reject: false, stdin: "ignore" });
}

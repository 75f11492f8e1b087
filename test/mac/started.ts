import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** One start of a process by a process of a played Mac. */
export interface Started {
  readonly by: number;
  /** In milliseconds of the epoch. */
  readonly at: number;
  readonly file: string;
  readonly args: readonly string[];
}

/** What processes of this Mac have started with Node.js, by themselves and not through a stand-in. */
export async function startedOn(folder: string): Promise<readonly Started[]> {
  const lines = (await readFile(join(folder, "spawned.jsonl"), "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Commands that were called without their folder, which a daemon may not find. */
export async function calledByBareName(folder: string): Promise<readonly string[]> {
  const calls = await readFile(join(folder, "calls.log"), "utf8");
  return calls.split("\n").filter((line) => line.startsWith("bare "));
}

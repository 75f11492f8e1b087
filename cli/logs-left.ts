import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { logPathFor } from "../agent/state/layout.ts";

/** A workload and its log. */
export interface Logged {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** The logs in a state folder, by their file names. */
export async function logsIn(folder: string): Promise<readonly Logged[]> {
  const names = await readdir(dirname(logPathFor(folder, ""))).catch(() => []);
  return names.toSorted().flatMap((name) => {
    const stem = /^(.+)[.]log$/.exec(name)?.[1];
    if (stem === undefined || stem.endsWith("_projection")) return [];
    const id = stem.replace(/^([a-z0-9.-]+)_([a-z0-9.-]+)$/, "$1/$2");
    return [{ id, name: id, path: logPathFor(folder, stem) }];
  });
}

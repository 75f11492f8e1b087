import { stat } from "node:fs/promises";
import { logPathOf } from "../agent/state/layout.ts";
import type { WorkloadStatus } from "../agent/status/status.ts";
import { readStatus } from "../agent/status/status-file.ts";
import { type WorkloadId, workloadId } from "../agent/workload/workload-id.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { pause, untilInterrupted } from "./interrupt.ts";
import { type StateFlags, stateFolder } from "./state-folder.ts";
import { offsetOfLast, type Place, readOn } from "./tail.ts";

export interface LogsFlags extends StateFlags {
  readonly follow?: boolean;
  readonly tail?: number;
}

const FOLLOW_MS = 250;

/** Prints the log of the workload that `wanted` names. Throws one sentence for a name that nobody knows. */
export async function print(wanted: string, flags: LogsFlags): Promise<void> {
  const folder = await stateFolder(flags);
  const status = await readStatus(folder);
  if (!status.ok) throw new Error(status.error);
  const id = chooseWorkload(wanted, status.value.workloads);
  if (!id.ok) throw new Error(id.error);
  const path = logPathOf(folder, id.value);
  const file = await stat(path).catch(() => undefined);
  if (file === undefined && !flags.follow) throw new Error(`${id.value} has no log: it has not been started yet`);
  const offset = file === undefined || flags.tail === undefined ? 0 : await offsetOfLast(path, flags.tail);
  await untilInterrupted(async (stop) => {
    let place: Place = { inode: file?.ino ?? 0, offset };
    do {
      place = await readOn(path, place, (bytes) => process.stdout.write(bytes));
      if (flags.follow) await pause(FOLLOW_MS, stop);
    } while (flags.follow && !stop.aborted);
  });
}

/**
 * The workload that a person means: by its identity, by `namespace/name`, or by its name alone; each where only one workload has it.
 */
export function chooseWorkload(
  wanted: string,
  known: readonly Pick<WorkloadStatus, "id" | "name">[],
): Result<WorkloadId> {
  const meant = (text: string) => [
    ({ id }: Known) => id === text,
    ({ name }: Known) => name === text,
    shortNameIs(text),
  ];
  for (const means of meant(wanted)) {
    const [only, ...more] = known.filter(means);
    if (only !== undefined && more.length === 0) return ok(workloadId(only.id));
    if (only !== undefined) return fail(`${wanted} is more than one model: say ${choices([only, ...more])}`);
  }
  const others = known.length === 0 ? "the agent has none" : `there is ${known.map(({ name }) => name).join(", ")}`;
  return fail(`there is no model ${wanted}: ${others}`);
}

type Known = Pick<WorkloadStatus, "id" | "name">;

function shortNameIs(text: string): (workload: Known) => boolean {
  return ({ name }) => name.split("/")[1] === text;
}

/** By name where that tells them apart, else by identity. */
function choices(workloads: readonly Known[]): string {
  const names = workloads.map(({ name }) => name);
  return (new Set(names).size === names.length ? names : workloads.map(({ id }) => id)).join(" or ");
}

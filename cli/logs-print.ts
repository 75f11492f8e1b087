import { existsSync } from "node:fs";
import { plainPieces } from "../agent/server-logs/plain.ts";
import { filesByStart } from "../agent/server-logs/starts.ts";
import { lastOf, NOWHERE, type Place, readOn } from "../agent/server-logs/tail.ts";
import { logPathOf } from "../agent/state/layout.ts";
import type { WorkloadStatus } from "../agent/status/status.ts";
import { readStatus } from "../agent/status/status-file.ts";
import { workloadId } from "../agent/workload/workload-id.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { pause, untilInterrupted } from "./interrupt.ts";
import { type Logged, logsIn } from "./logs-left.ts";
import { stateFolder } from "./state-folder.ts";
import type { StateFlags } from "./state-options.ts";

export interface LogsFlags extends StateFlags {
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: number;
}

const FOLLOW_MS = 250;

/** Prints the log of the workload that `wanted` names. Throws one sentence for a name that nobody knows. */
export async function print(wanted: string, flags: LogsFlags): Promise<void> {
  const folder = await stateFolder(flags);
  const chosen = await chooseLogged(wanted, folder);
  if (!chosen.ok) throw new Error(chosen.error);
  const { id, path } = chosen.value;
  const [last = [path], before = []] = await filesByStart(path);
  const files = (flags.previous ? before : last).filter((file) => existsSync(file));
  if (files.length === 0 && (flags.previous || !flags.follow)) throw new Error(`${id} ${missing(flags)}`);
  const whole = files.map((file) => ({ path: file, place: NOWHERE }));
  const parts = flags.tail === undefined ? whole : await lastOf(files, flags.tail);
  await untilInterrupted(async (stop) => {
    const plain = plainPieces();
    const write = (piece: Buffer) => process.stdout.write(plain(piece));
    let place: Place = NOWHERE;
    for (const part of parts) place = await readOn(part.path, part.place, write);
    while (flags.follow && !stop.aborted) {
      place = await readOn(path, place, write);
      await pause(FOLLOW_MS, stop);
    }
  });
}

function missing({ previous }: LogsFlags): string {
  return previous ? "has no earlier log: it was started once" : "has no log: it has not been started yet";
}

/** By what the agent knows, or has known when it ended; else by the logs that are left of models that are gone. */
async function chooseLogged(wanted: string, folder: string): Promise<Result<Logged>> {
  const status = await readStatus(folder);
  const workloads = status.ok ? status.value.workloads : [];
  const known = workloads.map(({ id, name }) => ({ id, name, path: logPathOf(folder, workloadId(id)) }));
  const left = (await logsIn(folder)).filter(({ path }) => !known.some((one) => one.path === path));
  if (!status.ok && left.length === 0) return status;
  const chosen = chooseWorkload(wanted, known);
  return chosen.ok ? chosen : chooseWorkload(wanted, [...known, ...left]);
}

/**
 * The workload that a person means: by its identity, by `namespace/name`, or by its name alone; each where only one workload has it.
 */
export function chooseWorkload<T extends Known>(wanted: string, known: readonly T[]): Result<T> {
  const meant = (text: string) => [
    ({ id }: Known) => id === text,
    ({ name }: Known) => name === text,
    shortNameIs(text),
  ];
  for (const means of meant(wanted)) {
    const [only, ...more] = known.filter(means);
    if (only !== undefined && more.length === 0) return ok(only);
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

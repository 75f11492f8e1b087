import { stat } from "node:fs/promises";
import { readStatus } from "../agent/status/status.ts";
import { logPathOf } from "../agent/supervisor/start.ts";
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
  const name = chooseName(
    wanted,
    status.value.workloads.map((workload) => workload.name),
  );
  if (!name.ok) throw new Error(name.error);
  const path = logPathOf(folder, name.value);
  const file = await stat(path).catch(() => undefined);
  if (file === undefined && !flags.follow) throw new Error(`${name.value} has no log: it has not been started yet`);
  const offset = file === undefined || flags.tail === undefined ? 0 : await offsetOfLast(path, flags.tail);
  await untilInterrupted(async (stop) => {
    let place: Place = { inode: file?.ino ?? 0, offset };
    do {
      place = await readOn(path, place, (bytes) => process.stdout.write(bytes));
      if (flags.follow) await pause(FOLLOW_MS, stop);
    } while (flags.follow && !stop.aborted);
  });
}

/** The workload that a person means: by its whole name, or by its name alone where only one namespace has it. */
export function chooseName(wanted: string, known: readonly string[]): Result<string> {
  if (known.includes(wanted)) return ok(wanted);
  const alike = known.filter((name) => name.split("/")[1] === wanted);
  const [only] = alike;
  if (only !== undefined && alike.length === 1) return ok(only);
  if (alike.length > 1) return fail(`${wanted} is more than one model: say ${alike.join(" or ")}`);
  const others = known.length === 0 ? "the agent has none" : `there is ${known.join(", ")}`;
  return fail(`there is no model ${wanted}: ${others}`);
}

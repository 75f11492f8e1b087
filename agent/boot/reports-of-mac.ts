import { fail, type Result } from "../../api/result.ts";
import { patience } from "../files/patience.ts";
import { readReports } from "./report-folder.ts";
import type { Reports } from "./verdict.ts";

export interface ReportsOfMac {
  /** `diagnosticReports` of host/darwin/mac-paths.ts. */
  readonly folder: string;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** How long the folder is waited for, in milliseconds; default: 10 s. */
  readonly waitMs?: number;
  readonly read?: typeof readReports;
}

/** Reads the reports of this machine, and comes back in time whatever the folder does. One look at a time: one that hangs is waited for once. */
export function reportsOf({ folder, clock, waitMs = 10_000, read = readReports }: ReportsOfMac) {
  const once = patience<Result<Reports | undefined>>({ waitMs, mostHanging: 1, clock, late: () => {} });
  const look = async (since: number): Promise<Result<Reports | undefined>> => {
    const looked = await once(folder, () => read(folder, since));
    if (looked.done) return looked.value;
    return fail(
      `${folder} gave no answer within ${waitMs / 1000} s, so the agent does not know whether this Mac panicked`,
    );
  };
  let turn: Promise<unknown> = Promise.resolve();
  return (since: number): Promise<Result<Reports | undefined>> => {
    const mine = turn.then(() => look(since));
    turn = mine;
    return mine;
  };
}

import { borderlessTable, printed } from "../borderless-table.ts";
import { withProgress } from "../progress.ts";
import { type Check, diagnose } from "./checks.ts";

export interface DoctorFlags {
  readonly llamaServer: string;
  readonly models: string;
  readonly state: string;
  readonly json?: boolean;
}

/** Prints what was found; exit code 1 where a check failed. */
export async function run({ json, ...flags }: DoctorFlags): Promise<void> {
  const checks = await withProgress("checking this machine", diagnose({ ...flags, system: process.platform }));
  console.log(json ? JSON.stringify(checks, null, 2) : doctorText(checks));
  if (checks.some(({ state }) => state === "failed")) process.exitCode = 1;
}

const MARKS: Readonly<Record<Check["state"], string>> = { ok: "✓", warning: "!", failed: "✗", skipped: "-" };

/** A line a check, and below it what can be done. */
export function doctorText(checks: readonly Check[]): string {
  const table = borderlessTable();
  for (const { name, state, found, remedy } of checks) {
    table.push([MARKS[state], name, found]);
    if (remedy !== undefined) table.push(["", "", `→ ${remedy}`]);
  }
  return printed(table);
}

import { homedir } from "node:os";
import { MAC } from "../../agent/host/darwin/mac-paths.ts";
import { endProcess } from "../../agent/lifecycle/end-process.ts";
import { plainJson } from "../../api/plain-text.ts";
import { borderlessTable, printed } from "../borderless-table.ts";
import { untilInterrupted } from "../interrupt.ts";
import type { Check } from "./check.ts";
import { diagnose } from "./checks.ts";
import { checkCluster } from "./cluster-run.ts";

export interface DoctorFlags {
  readonly llamaServer: string;
  readonly models: string;
  readonly state: string;
  readonly claims: string;
  readonly model?: string;
  readonly json?: boolean;
  readonly cluster?: boolean;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;
/** How long a terminal or pipe may take for what was printed. */
const LAST_LINES_MS = 500;

/** Prints what was found; exit code 1 where a check failed, 130 after Ctrl-C. */
export async function run({ json, ...flags }: DoctorFlags): Promise<void> {
  refuseUnused(flags);
  const here = { system: process.platform, architecture: process.arch, home: homedir(), mac: MAC };
  await untilInterrupted(async (stop) => {
    const checks = flags.cluster ? await checkCluster(flags, stop) : await diagnose({ ...flags, ...here }, stop);
    console.log(json ? plainJson(checks) : doctorText(checks));
    if (stop.aborted) endSoon();
    else if (checks.some(({ state }) => state === "failed")) process.exitCode = EXIT_FAILED;
  });
}

/** Throws one sentence for an option that would do nothing. */
function refuseUnused({ cluster, ...flags }: Omit<DoctorFlags, "json">): void {
  const unused = (["kubeconfig", "context", "namespace"] as const).find((name) => flags[name] !== undefined);
  if (!cluster && unused !== undefined) throw new Error(`--${unused} is about a cluster: give --cluster too`);
}

/** What is under way may be a command that hangs. */
function endSoon(): void {
  process.exitCode = EXIT_INTERRUPTED;
  setTimeout(endProcess, LAST_LINES_MS, EXIT_INTERRUPTED).unref();
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

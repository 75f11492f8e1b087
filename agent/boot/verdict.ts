import type { JetsamReport } from "./jetsam-report.ts";
import type { PanicReport } from "./panic-report.ts";

/** A server that ran in another boot of this machine. All times in milliseconds since 1970. */
export interface RanBefore {
  readonly bootId: string;
  /** Undefined if the agent ended before it had noted it. */
  readonly pid?: number | undefined;
  readonly startedAt?: number | undefined;
  /** The last time that the agent, or its watchdog, was seen alive with it. */
  readonly until: number;
}

export interface Reports {
  readonly panics: readonly PanicReport[];
  readonly jetsams: readonly JetsamReport[];
}

/** Why a model does not start by itself. */
export interface Cause {
  readonly kind: "panic" | "jetsam";
  /** In milliseconds since 1970. */
  readonly at: number;
  /** Path of the report. */
  readonly report: string;
  /** The kernel's own word for a kill: `per-process-limit`, `vm-pageshortage`, `highwater`. */
  readonly reason?: string | undefined;
}

const MINUTE_MS = 60_000;
/** How far two clocks of one machine may be apart: the kernel's is set anew after a boot. */
const CLOCKS_MS = 5 * MINUTE_MS;
/** A report that says nothing of its boot may be as late as this: it is written after the next boot, when somebody has unlocked the disk. */
const LATEST_MS = 24 * 60 * MINUTE_MS;
/** A machine that is short of memory may be too slow to keep the agent alive for as long as this before a kill. */
const STARVED_MS = 15 * MINUTE_MS;

/** Whether a machine panicked while this server ran, or ended it for want of memory: the newest report that says so. Pure. */
export function causeOf(ran: RanBefore, { panics, jetsams }: Reports): Cause | undefined {
  const causes: readonly Cause[] = [
    ...panics
      .filter((report) => isOfItsBoot(report, ran))
      .map(({ at, path }) => ({ kind: "panic", at, report: path }) as const),
    ...jetsams.flatMap((report) => killOf(report, ran)),
  ];
  // What ended the machine says more than what ended one process, whichever was written last.
  return causes.toSorted((a, b) => rank(b) - rank(a) || b.at - a.at)[0];
}

function rank({ kind }: Cause): number {
  return kind === "panic" ? 1 : 0;
}

/** Without the boot in it, a report is told by its times alone. */
function isOfItsBoot({ bootId, bootedAt, at }: PanicReport, ran: RanBefore): boolean {
  if (bootId !== undefined) return bootId.toLowerCase() === ran.bootId.toLowerCase();
  if (ran.until - CLOCKS_MS > at) return false;
  return bootedAt === undefined ? at <= ran.until + LATEST_MS : bootedAt <= ran.until + CLOCKS_MS;
}

function killOf({ path, at, killed }: JetsamReport, { pid, startedAt, until }: RanBefore): readonly Cause[] {
  const kill = killed.find((one) => one.pid === pid);
  if (kill === undefined || at < (startedAt ?? until) - CLOCKS_MS || at > until + STARVED_MS) return [];
  return [{ kind: "jetsam", at, report: path, reason: kill.reason }];
}

/** What a person reads, and how to let it start. */
export function heldMessage(name: string, { kind, at, report, reason = "no reason given" }: Cause): string {
  const when = new Date(at).toISOString().replace(".000Z", "Z");
  const what =
    kind === "panic"
      ? `it ran when this Mac panicked on ${when} (report ${report})`
      : `macOS ended it for want of memory on ${when} (${reason}, report ${report})`;
  // A process that went over its own limit needs more; whoever else is ended, or takes the machine down, needs less.
  const remedy = reason === OVER_ITS_LIMIT ? "raise its memoryBudget" : "lower its memoryBudget";
  return `${what}: it does not start by itself; ${remedy}, or let it start with pulumi-llmkube agent allow ${name}`;
}

const OVER_ITS_LIMIT = "per-process-limit";

/** The reason beside the state. */
export function heldReason({ kind }: Cause): "AfterPanic" | "AfterJetsam" {
  return kind === "panic" ? "AfterPanic" : "AfterJetsam";
}

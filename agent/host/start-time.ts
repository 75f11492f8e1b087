/** How a start time is written down (docs/background/apple-memory.md, "Process identity"). */
type Notation = "abstime" | "ticks" | "date";

/** That of macOS by system call: ticks since the boot. */
export function abstime(ticks: bigint): string {
  return `abstime:${ticks}`;
}

/**
 * Whether two start times of one pid are those of one process. Undefined where they are in two notations, because one agent could use
 * the system calls of macOS and another only its commands: then nothing is proven.
 */
export function sameStart(one: string, other: string): boolean | undefined {
  return notationOf(one) === notationOf(other) ? one === other : undefined;
}

function notationOf(startTime: string): Notation {
  if (startTime.startsWith("abstime:")) return "abstime";
  return /^\d+$/.test(startTime) ? "ticks" : "date";
}

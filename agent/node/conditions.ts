import type { PressureLevel } from "../host/platform.ts";

/** A condition of a Node, without its times. */
export interface Condition {
  readonly type: "Ready" | "MemoryPressure" | "DiskPressure" | "PIDPressure";
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** What the agent says of itself. */
export interface AgentState {
  /** Why the agent cannot be relied on, as a sentence; undefined while its own checks are clean. */
  readonly trouble: string | undefined;
  /** Set once a person has told the agent to end with its servers. */
  readonly ending: boolean;
  /** Sentences that a person should act on. They keep no pod from running. */
  readonly problems: readonly string[];
}

/** Messages go into every Node object that is listed anywhere: at most so many characters. */
const LONGEST_MESSAGE = 1024;

/** Whether pods may come to this Mac. What is to be mended by a person is named in the message and makes no Mac unready. */
export function readyCondition({ trouble, ending, problems }: AgentState): Condition {
  if (ending) {
    const message = "the agent was told to end: it stops its servers and takes no more pods";
    return { type: "Ready", status: "False", reason: "AgentStopping", message };
  }
  if (trouble !== undefined) {
    return { type: "Ready", status: "False", reason: "AgentNotReady", message: bounded(trouble) };
  }
  const [first, ...others] = problems;
  const more = others.length === 0 ? "" : ` (and ${others.length} more: pulumi-llmkube status)`;
  const message = first === undefined ? "the agent runs" : `the agent runs; ${bounded(first)}${more}`;
  return { type: "Ready", status: "True", reason: "AgentReady", message };
}

/**
 * How long a pressure that has passed is still told, in milliseconds, so that a Mac at the edge does not flap: 5 minutes, the default of
 * kubelet's `evictionPressureTransitionPeriod`.
 */
export const TRANSITION_MS = 5 * 60_000;

/** A pressure, and when it was seen last; undefined: never, or long ago. */
export type SeenAt = number | undefined;

/**
 * When the pressure was seen last, after one more look.
 *
 * @param seen null: it cannot be told now, which proves nothing: what was known lasts, and no longer
 */
export function pressureSeen(before: SeenAt, seen: boolean | null, now: number): SeenAt {
  if (seen === true) return now;
  return before !== undefined && now - before < TRANSITION_MS ? before : undefined;
}

/** Whether a level of the machine is the one at which the agent evicts. A Mac in use stays at `warning` for long. */
export function isShortOfMemory(level: PressureLevel | undefined): boolean | null {
  return level === undefined ? null : level === "critical";
}

export function memoryCondition(seenAt: SeenAt): Condition {
  return seenAt === undefined
    ? { type: "MemoryPressure", status: "False", ...ENOUGH_MEMORY }
    : { type: "MemoryPressure", status: "True", ...SHORT_OF_MEMORY };
}

// Reasons and the form of the messages are those of kubelet, by which people and alerts know them.
const ENOUGH_MEMORY = {
  reason: "KubeletHasSufficientMemory",
  message: "the Mac has memory to spare",
};
const SHORT_OF_MEMORY = {
  reason: "KubeletHasInsufficientMemory",
  message:
    "macOS reports critical memory pressure, or did within the last 5 minutes: models are evicted, none is added",
};

/** What is left on the disk of the models; undefined where it cannot be told now. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/**
 * @param floorBytes what downloads leave free: below it none goes on
 * @returns null where it cannot be told
 */
export function isShortOfDisk(space: DiskSpace | undefined, floorBytes: number): boolean | null {
  return space === undefined ? null : space.freeBytes < floorBytes;
}

/** @param folder that of the models */
export function diskCondition(seenAt: SeenAt, folder: string, floor: string): Condition {
  const message =
    seenAt === undefined
      ? `the disk of the models has more than ${floor} free`
      : `the disk of ${folder} has less than ${floor} free, or had within the last 5 minutes: nothing is downloaded; free space there`;
  return seenAt === undefined
    ? { type: "DiskPressure", status: "False", reason: "KubeletHasNoDiskPressure", message }
    : { type: "DiskPressure", status: "True", reason: "KubeletHasDiskPressure", message };
}

/** A server is one process: the limit of processes is far away. */
export const NO_PID_PRESSURE: Condition = {
  type: "PIDPressure",
  status: "False",
  reason: "KubeletHasSufficientPID",
  message: "the Mac has process ids to spare",
};

function bounded(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE - 3)}...`;
}

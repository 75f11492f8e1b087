import { open, stat } from "node:fs/promises";

/** Why the GPU failed a server for good. */
export interface GpuFault {
  /** What happened, as a part of a sentence. */
  readonly what: string;
  /** What helps if it happens again, as a part of a sentence. */
  readonly advice: string;
}

/**
 * What the backend prints when a GPU command failed; every later one fails too, until the process is restarted
 * (docs/background/apple-memory.md, "Metal faults"). Any status but 4, "completed", is a failure to it.
 */
const SIGN =
  /backend is in error state|command buffer \d+ failed with status (?!4\b)\d|kIO(?:GPU|Accel)CommandBufferCallbackError/;

const UPDATE = "update llama.cpp and macOS: one of them is at fault";
const SMALLER = "lower uBatchSize, so that it gets its work in smaller pieces";

/**
 * By the name that macOS gives the error, or the words before it. What caused the fault stands before what only followed from one: a log
 * may hold both.
 */
const CAUSES: readonly (readonly [name: RegExp, what: string, advice: string])[] = [
  [/ErrorOutOfMemory|Insufficient Memory/, "the GPU ran out of memory", "lower contextSize, or stop another model"],
  [/ErrorPageFault|GPU Address Fault/, "the GPU reached for memory that is not there (a page fault)", UPDATE],
  [/ErrorInvalidResource|Invalid Resource/, "the GPU was given memory that is not valid any more", UPDATE],
  [/ErrorStackOverflow/, "a GPU program ran out of stack", UPDATE],
  [/ErrorHang|GPU Hang/, "the GPU hung over its work", `${SMALLER}, and ${UPDATE}`],
  [
    /ErrorTimeout|GPU Timeout/,
    "the GPU took longer than macOS waits",
    `${SMALLER}, or stop what else keeps the GPU busy`,
  ],
  [
    /ErrorImpactingInteractivity|Impacting Interactivity/,
    "macOS ended its GPU work because the display waited for it",
    `${SMALLER}, and update llama.cpp: newer builds ask macOS to wait longer`,
  ],
  [
    /ErrorBackgroundExecutionNotPermitted|Insufficient Permission/,
    "macOS lets it do no GPU work in the background",
    "run the agent as a LaunchDaemon (pulumi-llmkube agent install)",
  ],
  [
    /ErrorAccessRevoked|Access Revoked|ErrorDeviceRemoved|Device Removed/,
    "its GPU was taken away",
    "connect the GPU again, and let nobody else switch it",
  ],
  [
    /ErrorInnocentVictim|victim of GPU error/,
    "the GPU was reset because of another program's fault",
    "look which other program uses the GPU (Activity Monitor, Window, GPU History): this model did nothing wrong",
  ],
  [
    /ErrorSubmissionsIgnored|prior\/excessive GPU errors/,
    "macOS takes no more GPU work from it after earlier faults",
    `look in its log for the first of them; ${UPDATE}`,
  ],
];

const NAME = /kIO(?:GPU|Accel)CommandBufferCallbackError(\w+)/;

/** Why the GPU failed for good; undefined if this part of a log does not say that it did. */
export function gpuFault(log: string): GpuFault | undefined {
  const text = ownWords(log);
  if (!SIGN.test(text)) return undefined;
  const cause = CAUSES.find(([name]) => name.test(text));
  if (cause !== undefined) return { what: cause[1], advice: cause[2] };
  const name = NAME.exec(text)?.[1];
  return { what: `a GPU command failed${name === undefined ? "" : ` (${name})`}`, advice: UPDATE };
}

/**
 * What llama-server prints when it could not compute what was asked, on any backend: the request was answered with an error (500). One may
 * be an accident, so it is a reason to ask the server something, and no more.
 */
const COMPUTE_ERROR =
  /Compute error\.|failed to decode, ret = -[2-9]|failed to compute graph|graph_compute_async failed with error/;

/** Whether this part of a log says that requests were answered with errors that are no fault of theirs. */
export function hasComputeErrors(log: string): boolean {
  return COMPUTE_ERROR.test(ownWords(log));
}

/** Each line up to its first quote or brace: llama-server quotes what clients send, and no client may make its server restart. */
function ownWords(log: string): string {
  return log.replace(/["'{}].*/g, "");
}

/** More than this is not read at a time: a server that floods its log must not keep the agent busy. */
const MOST_BYTES = 65_536;

/** Whole lines of a log, and the byte offset after them. */
export interface LogPart {
  readonly lines: string;
  readonly end: number;
}

/** The whole lines that were written to a log since the offset `from`; of more than 64 KiB the last ones. */
export async function logSince(path: string, from: number): Promise<LogPart> {
  // Most servers have printed nothing since the last look: that costs one call.
  if ((await stat(path)).size === from) return { lines: "", end: from };
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    // A log that is shorter than before was cut meanwhile.
    const wanted = size < from ? 0 : from;
    const begin = Math.max(wanted, size - MOST_BYTES);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size - begin), 0, size - begin, begin);
    const read = buffer.subarray(0, bytesRead);
    const first = begin === wanted ? 0 : read.indexOf("\n") + 1;
    const last = read.lastIndexOf("\n") + 1;
    return { lines: read.toString("utf8", first, last), end: last === 0 ? wanted : begin + last };
  } finally {
    await file.close();
  }
}

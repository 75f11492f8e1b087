import { closeSync, openSync, readSync, statSync } from "node:fs";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ExitReason {
  readonly reason: string;
  readonly message: string;
}

/** Log lines that say more than an exit code (docs/background/apple-memory.md, "Metal faults"). */
const SIGNS: readonly (readonly [pattern: RegExp, reason: string, message: string])[] = [
  [
    /kIOGPUCommandBufferCallbackErrorOutOfMemory|Insufficient Memory/,
    "MetalOutOfMemory",
    "the GPU ran out of memory: lower the context, or the other models' share",
  ],
  [/couldn't bind|failed to bind|address already in use/i, "PortInUse", "its port was taken by another process"],
  [/failed to allocate|unable to allocate|bad_alloc/i, "OutOfMemory", "memory could not be allocated"],
  [/error: invalid argument|error while handling argument/i, "BadFlag", "llama-server refused a flag"],
  [/failed to load model|error loading model/i, "LoadFailed", "llama-server could not load the model"],
];

const TAIL_BYTES = 8192;
const SHOWN = 200;

/** Why a server that nobody stopped has ended: by its log, its signal, its code, in this order. */
export function exitReason({ code, signal }: Exit, logTail: string): ExitReason {
  const how = signal === null ? (code === null ? "how is not known" : `exit code ${code}`) : `signal ${signal}`;
  const sign = SIGNS.find(([pattern]) => pattern.test(logTail));
  if (sign !== undefined) return { reason: sign[1], message: `llama-server ended (${how}): ${sign[2]}` };
  if (signal === "SIGKILL") {
    return {
      reason: "Killed",
      message: "llama-server was killed (SIGKILL): by a person, or the system was short of memory",
    };
  }
  const last = logTail.trim().split("\n").at(-1)?.trim().slice(0, SHOWN);
  return {
    reason: signal === null ? "Exited" : "Crashed",
    message: `llama-server ended (${how})${last ? `; its last line: ${last}` : ""}`,
  };
}

/** The end of a log file, without control characters; empty where it cannot be read. */
export function logTail(path: string): string {
  try {
    const { size } = statSync(path);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const file = openSync(path, "r");
    try {
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
    } finally {
      closeSync(file);
    }
    return buffer.toString("utf8").replace(/(?!\n)\p{Cc}/gu, "");
  } catch {
    return "";
  }
}

/** How a process exited. Both are null for an adopted server, whose exit status the system does not report to us. */
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
    "the GPU ran out of memory: lower contextSize, or stop another model",
  ],
  [
    /backend is in error state|command buffer \d+ failed with status 5|kIOGPUCommandBufferCallbackError/,
    "GpuFault",
    "a GPU command failed, and so does every later one until a restart",
  ],
  [/couldn't bind|failed to bind|address already in use/i, "PortInUse", "another process took its port"],
  [/failed to allocate|unable to allocate|bad_alloc/i, "OutOfMemory", "it could not allocate memory"],
  [/error: invalid argument|error while handling argument/i, "BadFlag", "it rejected one of its flags"],
  [/failed to load model|error loading model/i, "LoadFailed", "it could not load the model"],
];

const SHOWN = 200;

/** Why a server exited that the agent did not stop: from its log, else from its signal, else from its exit code. */
export function exitReason({ code, signal }: Exit, logTail: string): ExitReason {
  const status = signal === null ? (code === null ? "exit status unknown" : `exit code ${code}`) : `signal ${signal}`;
  const sign = signIn(logTail);
  if (sign !== undefined) return { reason: sign[1], message: `llama-server exited (${status}): ${sign[2]}` };
  if (signal === "SIGKILL") {
    return {
      reason: "Killed",
      message: "llama-server was killed (SIGKILL), by a person, or by the system because it was short of memory",
    };
  }
  return {
    reason: signal === null ? "Exited" : "Crashed",
    message: `llama-server exited (${status})${lastLine(logTail)}`,
  };
}

/** Why a healthy server answers no test request: from its log, else from its answers, of which `answer` is the last. */
export function testFailure(answer: string, logTail: string): ExitReason {
  const sign = signIn(logTail);
  const failed = `it is healthy, but answers no test request (${answer})`;
  if (sign !== undefined) return { reason: sign[1], message: `${failed}: ${sign[2]}` };
  return { reason: "TestRequestFailed", message: failed + lastLine(logTail) };
}

function signIn(logTail: string): (typeof SIGNS)[number] | undefined {
  return SIGNS.find(([pattern]) => pattern.test(logTail));
}

function lastLine(logTail: string): string {
  const last = logTail.trim().split("\n").at(-1)?.trim().slice(0, SHOWN);
  return last ? `; last log line: ${last}` : "";
}

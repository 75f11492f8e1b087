import { type Found, shownLine, signOfEnd, signOfFault } from "./exit-signs.ts";

/** How a process exited. Both are null for an adopted server, whose exit status the system does not report to us. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ExitReason {
  readonly reason: string;
  readonly message: string;
}

/** Why a server exited that the agent did not stop: from its log, else from its signal, else from its exit code. */
export function exitReason({ code, signal }: Exit, logTail: string): ExitReason {
  const status = signal === null ? (code === null ? "exit status unknown" : `exit code ${code}`) : `signal ${signal}`;
  const known = told(`llama-server exited (${status})`, signOfEnd(logTail));
  if (known !== undefined) return known;
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
  const failed = `it is healthy, but answers no test request (${answer})`;
  return told(failed, signOfFault(logTail)) ?? { reason: "TestRequestFailed", message: failed + lastLine(logTail) };
}

function told(what: string, sign: Found | undefined): ExitReason | undefined {
  if (sign === undefined) return undefined;
  return { reason: sign.reason, message: `${what}: ${sign.message}; it said: ${sign.line}` };
}

function lastLine(logTail: string): string {
  const last = shownLine(logTail.trim().split("\n").at(-1) ?? "");
  return last ? `; last log line: ${last}` : "";
}

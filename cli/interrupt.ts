import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "../api/error-code.ts";

/**
 * Runs `work` until it ends, or until Ctrl-C, SIGTERM or a reader of standard output that went away (`| head`) aborts its
 * signal: the ways a person leaves a command that goes on for ever. None of them is a failure.
 */
export async function untilInterrupted(work: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const onOutputError = (error: Error) => {
    if (errorCode(error) !== "EPIPE") throw error;
    abort();
  };
  process.on("SIGINT", abort).on("SIGTERM", abort);
  // Stays: such an error can still come when the work is done.
  process.stdout.on("error", onOutputError);
  try {
    await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    process.off("SIGINT", abort).off("SIGTERM", abort);
  }
}

/** Waits; cut short by `stop`. */
export async function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: stop }).catch(() => {});
}

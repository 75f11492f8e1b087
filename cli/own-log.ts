import { fstatSync } from "node:fs";
import { stat } from "node:fs/promises";
import { cutLog, type LogLimits } from "../agent/server-logs/cut.ts";

const LIMITS: LogLimits = { maxBytes: 8 * 2 ** 20, keptBytes: 2 * 2 ** 20 };
const EVERY_MS = 60_000;
const STDOUT = 1;

/**
 * Keeps the agent's own log within 8 MiB, and what was cut from it in `PATH.1` to `PATH.3` of 2 MiB each: looks now, so that an agent that
 * launchd starts again and again has an end too, and each minute. Does nothing for a file that is not this process's standard output. It
 * is no entry of newsyslog: launchd goes on writing to a file that was renamed. Returns what ends it.
 */
export function keepOwnLog(
  path: string | undefined,
  say: (message: string) => void,
  limits: LogLimits = LIMITS,
  stdout: number = STDOUT,
): () => void {
  if (path === undefined) return () => {};
  let failed = false;
  const look = async () => {
    try {
      const { ino, dev, size } = await stat(path);
      const own = fstatSync(stdout);
      if (size > limits.maxBytes && own.ino === ino && own.dev === dev) await cutLog(path, limits);
      failed = false;
    } catch (error) {
      if (!failed)
        say(`the log ${path} cannot be kept small: ${error instanceof Error ? error.message : String(error)}`);
      failed = true;
    }
  };
  const first = setImmediate(look);
  const timer = setInterval(look, EVERY_MS).unref();
  return () => {
    clearImmediate(first);
    clearInterval(timer);
  };
}

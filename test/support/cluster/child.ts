import { readFile } from "node:fs/promises";
import { execa } from "execa";

/** A process of a test, which ends with the process of the test at the latest. */
export interface Child {
  readonly pid: number | undefined;
  /** Aborted when the process has ended, with what it ended with. */
  readonly ended: AbortSignal;
  /** Ends it at once and resolves when it is gone. May be called twice. */
  kill: (signal?: NodeJS.Signals) => Promise<void>;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** @param log receives both outputs; appended to, so that the log of a process that is started again holds its whole life */
export function startChild(command: string, args: readonly string[], log: string, options: ChildOptions = {}): Child {
  const ended = new AbortController();
  const child = execa(command, args, {
    ...options,
    stdin: "ignore",
    stdout: { file: log, append: true },
    stderr: { file: log, append: true },
    buffer: false,
    reject: false,
  });
  const gone = child.then(
    (result) => ended.abort(new Error(result.shortMessage ?? `${command} ended`)),
    (error: unknown) => ended.abort(error),
  );
  return {
    pid: child.pid,
    ended: ended.signal,
    kill: async (signal = "SIGKILL") => {
      child.kill(signal);
      await gone;
    },
  };
}

/** The end of a log, for the message of a test that fails. */
export async function lastLines(path: string, count = 8): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "(no log)");
  return `${path}:\n${text.trim().split("\n").slice(-count).join("\n")}`;
}

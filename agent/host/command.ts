import { execFile } from "node:child_process";
import { errorText } from "../../api/error-code.ts";
import { quoted } from "../../api/plain-text.ts";
import { fail, ok, type Result } from "../../api/result.ts";

const TIMEOUT_MS = 20_000;

/** How a short command ended. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined if it was ended by a signal, or never began. */
  readonly code: number | undefined;
  /** Why its output counts for nothing, as a sentence; undefined if it exited with 0. */
  readonly failure: string | undefined;
}

/**
 * Runs a short command in the C locale and in UTC: all agents of a machine must read the same start times. Fails if it is not found,
 * exits with an error or takes too long (20 s). Never throws.
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  timeoutMs: number = TIMEOUT_MS,
): Promise<Ended> {
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const ended = new Promise<Ended>((resolve) => {
    execFile(
      file,
      args,
      { env, timeout: timeoutMs, killSignal: "SIGKILL" as const, maxBuffer: 2 ** 22 },
      (error, stdout, stderr) => {
        const end = (code: number | undefined, failure: string | undefined) =>
          resolve({ stdout, stderr, code, failure });
        if (error === null) return end(0, undefined);
        if (error.code === "ENOENT") return end(undefined, `${file} was not found`);
        if (error.killed) return end(undefined, `${file} gave no answer within ${timeoutMs / 1000} s`);
        const [said = ""] = stderr.trim().split("\n");
        const why = said === "" ? "" : `: ${quoted(said)}`;
        const code = typeof error.code === "number" ? error.code : undefined;
        end(code, `${file} ${args[0] ?? ""} failed (${error.signal ?? error.code ?? "unknown"})${why}`);
      },
    );
  });
  // Node.js gives some errors of a spawn to the callback, and throws all others: that there is no memory (ENOMEM), that it is being
  // written to (ETXTBSY), that it is for another processor.
  return ended.catch((error: unknown) => ({
    ...{ stdout: "", stderr: "", code: undefined },
    failure: `${file} cannot be run (${errorText(error)})`,
  }));
}

/** The standard output of a short command, as {@link runCommand} runs it. */
export async function outputOf(
  file: string,
  args: readonly string[],
  timeoutMs: number = TIMEOUT_MS,
): Promise<Result<string>> {
  const { stdout, failure } = await runCommand(file, args, timeoutMs);
  return failure === undefined ? ok(stdout) : fail(failure);
}

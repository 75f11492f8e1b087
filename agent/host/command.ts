import { execFile } from "node:child_process";
import { fail, ok, type Result } from "../../api/result.ts";
import { quoted } from "../../fetch/refusal.ts";

const TIMEOUT_MS = 20_000;

/**
 * The standard output of a short command, in the C locale and in UTC: all agents of a machine must read the same start times. Fails if
 * it is not found, exits with an error or takes too long (20 s). Never throws.
 */
export async function outputOf(
  file: string,
  args: readonly string[],
  timeoutMs: number = TIMEOUT_MS,
): Promise<Result<string>> {
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      { env, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 2 ** 22 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(ok(stdout));
        if (error.code === "ENOENT") return resolve(fail(`${file} was not found`));
        if (error.killed) return resolve(fail(`${file} gave no answer within ${timeoutMs / 1000} s`));
        const [said = ""] = stderr.trim().split("\n");
        const why = said === "" ? "" : `: ${quoted(said)}`;
        resolve(fail(`${file} ${args[0] ?? ""} failed (${error.signal ?? error.code ?? "unknown"})${why}`));
      },
    );
  });
}

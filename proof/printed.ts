import { execa } from "execa";
import type { Scene } from "./step.ts";

/** What a command printed, and how it ended. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}

const TIMEOUT_MS = 60_000;
/** For what downloads, or waits for servers to end. */
export const LONG_MS = 10 * 60_000;

/**
 * Runs a command as the agent does (C locale, UTC) and keeps its standard output as it is, with what it says on standard error beside it.
 * A failure is what it printed, too. Never throws.
 *
 * @param timeoutMs after so many milliseconds it is ended
 */
export async function printed(
  { keep, signal }: Pick<Scene, "keep" | "signal">,
  name: string,
  command: readonly [file: string, ...args: readonly string[]],
  timeoutMs: number = TIMEOUT_MS,
): Promise<Printed> {
  const [file, ...args] = command;
  const env = { LC_ALL: "C", TZ: "UTC" };
  const options = { env, reject: false, stdin: "ignore", timeout: timeoutMs, cancelSignal: signal } as const;
  const { stdout = "", stderr = "", exitCode } = await execa(file, args, { ...options, stripFinalNewline: false });
  keep(`${name}.txt`, stdout, [...command, `(exit code ${exitCode ?? "unknown"})`]);
  if (stderr !== "") keep(`${name}.stderr.txt`, stderr, command);
  return { stdout, stderr, exitCode };
}

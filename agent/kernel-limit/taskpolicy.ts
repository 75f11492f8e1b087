import { existsSync } from "node:fs";
import { runCommand } from "../host/command.ts";
import { MAC, type MacPaths } from "../host/darwin/mac-paths.ts";
import type { KernelLimit } from "./kernel-limit.ts";
import { type Trial, tryLimit } from "./trial.ts";

/** What `taskpolicy -m` does on this Mac: a {@link Trial}, or nothing that could be tried. */
export type TaskpolicyAnswer = Trial | "no-such-file" | "no-such-option";

export interface AskedTaskpolicy {
  readonly answer: TaskpolicyAnswer;
  /** What it said itself, as a sentence; undefined where that adds nothing. */
  readonly said?: string;
}

/** Smaller than any Mac, and far more than a program needs that does nothing. */
const ASKED_MIB = 64;
/** Every Unix has it there. */
const DOES_NOTHING = "/usr/bin/true";
const PATIENCE_MS = 10_000;
const EX_USAGE = 64;

/**
 * Asks `taskpolicy` whether it knows `-m`, with a program that does nothing, and only then whether the kernel enforces the limit. The
 * file alone says nothing: macOS 14.0 to 15.4 have it, and by their sources it does not know the option (docs/background/apple-memory.md,
 * "Kernel limit").
 */
export async function askTaskpolicy({ taskpolicy }: Pick<MacPaths, "taskpolicy"> = MAC): Promise<AskedTaskpolicy> {
  if (!existsSync(taskpolicy)) return { answer: "no-such-file" };
  const { code, stderr, failure } = await runCommand(taskpolicy, ["-m", String(ASKED_MIB), DOES_NOTHING], PATIENCE_MS);
  if (failure === undefined) return { answer: await tryLimit(taskpolicyLimit(taskpolicy)) };
  const refused = code === EX_USAGE || /(illegal|invalid|unrecognized) option/.test(stderr);
  return { answer: refused ? "no-such-option" : "no-answer", said: failure };
}

/**
 * Limits on macOS by `taskpolicy -m`: at this footprint, which counts GPU memory, the kernel kills the process with SIGKILL
 * (docs/background/apple-memory.md, "Kernel limit"). It keeps the pid and needs no privileges. The limit is set when the process starts
 * and cannot be changed afterwards, and the kernel keeps no record of whom it killed that this user could read.
 */
export function taskpolicyLimit(file: string): KernelLimit {
  return {
    kind: "taskpolicy -m",
    wrap: (command, limitBytes) => ({
      file,
      args: ["-m", String(Math.ceil(limitBytes / 2 ** 20)), command.file, ...command.args],
    }),
    enclose: () => {},
    move: () => false,
    breached: () => undefined,
    release: () => {},
    close: () => {},
  };
}

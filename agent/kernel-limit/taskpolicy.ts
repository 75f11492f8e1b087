import { existsSync } from "node:fs";
import type { KernelLimit } from "./kernel-limit.ts";

const TASKPOLICY = "/usr/sbin/taskpolicy";

/**
 * Limits on macOS by `taskpolicy -m`: at this footprint, which counts GPU memory, the kernel kills the process with SIGKILL
 * (docs/background/apple-memory.md, "Kernel limit"). It keeps the pid and needs no privileges. The limit is set when the process starts
 * and cannot be changed afterwards. Undefined if `file` does not exist.
 */
export function taskpolicyLimit(file: string = TASKPOLICY): KernelLimit | undefined {
  if (!existsSync(file)) return undefined;
  return {
    kind: "taskpolicy -m",
    wrap: (command, limitBytes) => ({
      file,
      args: ["-m", String(Math.ceil(limitBytes / 2 ** 20)), command.file, ...command.args],
    }),
    enclose: () => {},
    move: () => false,
    breached: () => false,
    release: () => {},
    close: () => {},
  };
}

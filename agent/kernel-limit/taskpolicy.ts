import { existsSync } from "node:fs";
import type { KernelLimit } from "./kernel-limit.ts";

const TASKPOLICY = "/usr/sbin/taskpolicy";

/**
 * A macOS that has `-m`: a fatal footprint limit that counts GPU memory, keeps the pid and needs no privilege; the
 * process ends by SIGKILL (docs/background/apple-memory.md, "Kernel limit"). It is set when a process starts and cannot
 * be moved afterwards.
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

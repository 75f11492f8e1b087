import { cgroupLimit } from "./cgroup.ts";
import { isEnforced, type KernelLimit } from "./kernel-limit.ts";
import { taskpolicyLimit } from "./taskpolicy.ts";

export interface OpenedLimit {
  /** Undefined: the watchdog stands alone here. */
  readonly cap?: KernelLimit;
  /** For people: what it is, or `none: ` and why. */
  readonly text: string;
}

/** The limit that this machine's kernel really enforces, which it has to show once by ending a process of ours. */
export async function openKernelLimit(owner: string, system: NodeJS.Platform = process.platform): Promise<OpenedLimit> {
  const cap = system === "darwin" ? taskpolicyLimit() : cgroupLimit(owner);
  if (cap === undefined) {
    const why = system === "darwin" ? "taskpolicy comes with macOS 14" : "this user may not make memory cgroups";
    return { text: `none: ${why}` };
  }
  if (await isEnforced(cap)) return { cap, text: cap.kind };
  cap.close();
  return { text: `none: this system takes ${cap.kind} and ignores it` };
}

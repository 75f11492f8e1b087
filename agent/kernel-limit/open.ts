import { cgroupLimit } from "./cgroup.ts";
import { isEnforced, type KernelLimit } from "./kernel-limit.ts";
import { taskpolicyLimit } from "./taskpolicy.ts";

export interface OpenedLimit {
  /** Undefined: the watchdog stands alone here. */
  readonly limit?: KernelLimit;
  /** For people: what it is, or `none: ` and why. */
  readonly text: string;
}

/** The limit that this machine's kernel really enforces, which it has to show once by ending a process of ours. */
export async function openKernelLimit(owner: string, system: NodeJS.Platform = process.platform): Promise<OpenedLimit> {
  const limit = system === "darwin" ? taskpolicyLimit() : cgroupLimit(owner);
  if (limit === undefined) {
    const why = system === "darwin" ? "taskpolicy comes with macOS 14" : "this user may not make memory cgroups";
    return { text: `none: ${why}` };
  }
  if (await isEnforced(limit)) return { limit, text: limit.kind };
  limit.close();
  return { text: `none: this system takes ${limit.kind} and ignores it` };
}

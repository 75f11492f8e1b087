import { cgroupLimit } from "./cgroup.ts";
import { isEnforced, type KernelLimit } from "./kernel-limit.ts";
import { taskpolicyLimit } from "./taskpolicy.ts";

export interface OpenedLimit {
  /** Undefined if only the watchdog enforces budgets here. */
  readonly limit?: KernelLimit;
  /** For status and `doctor`: the kind of limit, or `none: ` and the reason. */
  readonly text: string;
}

/** The limit that this machine's kernel enforces. It must prove that in a self-test, by killing a small process. */
export async function openKernelLimit(owner: string, system: NodeJS.Platform = process.platform): Promise<OpenedLimit> {
  const limit = system === "darwin" ? taskpolicyLimit() : cgroupLimit(owner);
  if (limit === undefined) {
    const why =
      system === "darwin"
        ? "taskpolicy is missing; macOS 14 or later has it"
        : "this user may not create memory cgroups";
    return { text: `none: ${why}` };
  }
  if (await isEnforced(limit)) return { limit, text: limit.kind };
  limit.close();
  return { text: `none: this system accepts the ${limit.kind} limit but does not enforce it` };
}

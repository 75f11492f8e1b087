import { MAC, type MacPaths } from "../host/darwin/mac-paths.ts";
import { cgroupLimit } from "./cgroup.ts";
import type { KernelLimit } from "./kernel-limit.ts";
import { type AskedTaskpolicy, askTaskpolicy, taskpolicyLimit } from "./taskpolicy.ts";
import { tryLimit } from "./trial.ts";

export interface OpenedLimit {
  /** Undefined if only the watchdog enforces budgets here. */
  readonly limit?: KernelLimit;
  /** For status and `doctor`: the kind of limit, or `none: ` and the reason. */
  readonly text: string;
}

/** The limit that this machine's kernel enforces. It must prove that in a self-test, by killing a small process. */
export async function openKernelLimit(
  owner: string,
  system: NodeJS.Platform = process.platform,
  mac: MacPaths = MAC,
): Promise<OpenedLimit> {
  return system === "darwin" ? openTaskpolicy(mac) : openCgroup(owner);
}

async function openTaskpolicy(mac: MacPaths): Promise<OpenedLimit> {
  const asked = await askTaskpolicy(mac);
  if (asked.answer !== "enforced") return { text: `none: ${whyNot(asked, mac)}` };
  const limit = taskpolicyLimit(mac.taskpolicy);
  return { limit, text: limit.kind };
}

function whyNot({ answer, said }: AskedTaskpolicy, { taskpolicy }: MacPaths): string {
  switch (answer) {
    case "no-such-file":
      return `${taskpolicy} does not exist`;
    case "no-such-option":
      return `taskpolicy of this macOS does not know the option -m${withSaid(said)}`;
    case "ignored":
      return "this macOS takes the limit of taskpolicy -m, and does not enforce it";
    default:
      return `taskpolicy -m did not show whether it limits a process${withSaid(said)}`;
  }
}

function withSaid(said: string | undefined): string {
  return said === undefined ? "" : ` (${said})`;
}

async function openCgroup(owner: string): Promise<OpenedLimit> {
  const limit = cgroupLimit(owner);
  if (limit === undefined) return { text: "none: this user may not create memory cgroups" };
  if ((await tryLimit(limit)) === "enforced") return { limit, text: limit.kind };
  limit.close();
  return { text: `none: this system accepts the ${limit.kind} limit but does not enforce it` };
}

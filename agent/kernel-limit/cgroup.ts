import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { KernelLimit } from "./kernel-limit.ts";

/** The files of one version of cgroups. */
interface Version {
  readonly kind: string;
  readonly limit: string;
  /** Holds a line `oom_kill N`. */
  readonly events: string;
}

const V1: Version = { kind: "cgroup v1", limit: "memory.limit_in_bytes", events: "memory.oom_control" };
const V2: Version = { kind: "cgroup v2", limit: "memory.max", events: "memory.events" };

const MOUNT = "/sys/fs/cgroup";

/**
 * Linux: a group of its own for each workload; `owner` tells the groups of several agents apart. Undefined where this user may
 * not make groups, or the kernel does not count memory in them.
 */
export function cgroupLimit(
  owner: string,
  mount: string = MOUNT,
  self: string = selfGroups(),
): KernelLimit | undefined {
  const parent = parentGroup(
    `pulumi-llmkube-${createHash("sha256").update(owner).digest("hex").slice(0, 12)}`,
    mount,
    self,
  );
  if (parent === undefined) return undefined;
  const { version, folder } = parent;
  const groupOf = (key: string) => join(folder, key);
  // A group that could not be removed still counts the kills of the process before.
  const killsBefore = new Map<string, number>();
  const killsOf = (key: string) => killsIn(join(groupOf(key), version.events));
  const move = (key: string, limitBytes: number) => attempt(() => setLimit(groupOf(key), version, limitBytes));
  return {
    kind: version.kind,
    wrap: (command) => command,
    enclose: (key, pid, limitBytes) => {
      const group = groupOf(key);
      attempt(() => rmdirSync(group));
      attempt(() => mkdirSync(group, { recursive: true }));
      move(key, limitBytes);
      killsBefore.set(key, killsOf(key));
      attempt(() => writeFileSync(join(group, "cgroup.procs"), String(pid)));
    },
    move,
    breached: (key) => killsOf(key) > (killsBefore.get(key) ?? 0),
    release: (key) => {
      attempt(() => rmdirSync(groupOf(key)));
    },
    close: () => {
      attempt(() => rmdirSync(folder));
    },
  };
}

/** A backstop that fails leaves what stands before it: nothing is thrown, and the self-test tells. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

/** In v1 the swap's limit goes with the other one where the kernel counts it; it must never be below it. */
function setLimit(group: string, { limit }: Version, bytes: number): void {
  const swap = join(group, "memory.memsw.limit_in_bytes");
  const both = existsSync(swap) ? [join(group, limit), swap] : [join(group, limit)];
  const raised = existsSync(swap) && bytes > Number(readFileSync(swap, "utf8"));
  for (const file of raised ? both.toReversed() : both) writeFileSync(file, String(bytes));
}

function killsIn(path: string): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/**
 * Where the groups of an agent lie. v1: below its own group. v2: beside it, because a group that holds processes gives its
 * children no memory controller; below it only where it is the root.
 */
function parentGroup(name: string, mount: string, self: string): { version: Version; folder: string } | undefined {
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(self)?.[1];
  const v2 = /^0::(\/.*)$/m.exec(self)?.[1];
  const version = v1 === undefined ? V2 : V1;
  const root = v1 === undefined ? mount : join(mount, "memory");
  const own = join(root, v1 ?? v2 ?? "/");
  // In a container the path may be one from outside: the mount itself is the own group then.
  const near = version === V1 ? [own, root] : [dirname(own), root];
  for (const folder of near.filter(isGroup).map((group) => join(group, name))) {
    if (attempt(() => makeParent(folder, version))) return { version, folder };
  }
  return undefined;
}

function isGroup(folder: string): boolean {
  return existsSync(join(folder, "cgroup.procs"));
}

/** Throws where its groups cannot have a limit. Groups that an agent before this one left go, unless they hold a process. */
function makeParent(folder: string, version: Version): void {
  mkdirSync(folder, { recursive: true });
  if (version === V2) writeFileSync(join(folder, "cgroup.subtree_control"), "+memory");
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) attempt(() => rmdirSync(join(folder, entry.name)));
  }
}

function selfGroups(): string {
  try {
    return readFileSync("/proc/self/cgroup", "utf8");
  } catch {
    return "";
  }
}

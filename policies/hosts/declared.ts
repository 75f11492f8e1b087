import { GiB, MiB } from "../../api/bytes.ts";
import { MAC_OS_LABEL_VALUE, NODE_LABELS } from "../../api/fleet.ts";
import { formatBytes } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { type Allocatable, resolveDeclaredMac, workingSetProblem } from "../../memory/allocatable.ts";
import type { Host } from "../../memory/placement/host.ts";
import type { HostEntry } from "./schema.ts";

/** Kubernetes' own default of pods a node. */
export const PODS = 110;

/** No Mac has that much, and a figure beyond it is a slip of the unit. */
const MOST_MEMORY_BYTES = 16 * 1024 * GiB;
const LEAST_MEMORY_BYTES = GiB;

/** A Mac of which only its description is known, as its agent would offer it. Fails with one clause where no such Mac can be. */
export function declaredHost(entry: HostEntry): Result<Host> {
  const { name, memory, labels, workingSet } = entry;
  const allocatable = declaredAllocatable(entry);
  if (!allocatable.ok) return allocatable;
  return ok(hostOf({ name, memoryBytes: memory, workingSetBytes: workingSet, labels }, allocatable.value.bytes));
}

/** The same with where its allocatable memory comes from. */
export function declaredAllocatable({ memory, fraction, workingSet, reserve }: HostEntry): Result<Allocatable> {
  if (memory < LEAST_MEMORY_BYTES) {
    return fail(`memory is only ${formatBytes(memory)}: add a unit, for example 64Gi`);
  }
  if (memory > MOST_MEMORY_BYTES) return fail(`memory is ${formatBytes(memory)}, which no Mac has: for example 64Gi`);
  const problem = workingSetProblem(workingSet, memory);
  if (problem !== undefined) return fail(problem);
  return resolveDeclaredMac({
    physicalMemoryBytes: memory,
    workingSetBytes: workingSet,
    reserveBytes: reserve,
    agentFraction: fraction,
  });
}

/** What is known of a Mac beside what its models may use. */
export interface HostFacts {
  readonly name: string;
  readonly memoryBytes?: number | undefined;
  readonly workingSetBytes?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** With the labels that the agent of a Mac sets on its node. */
export function hostOf({ name, memoryBytes, workingSetBytes, labels = {} }: HostFacts, allocatableBytes: number): Host {
  const memoryMiB = memoryBytes === undefined ? undefined : Math.floor(memoryBytes / MiB);
  const workingSetMiB = workingSetBytes === undefined ? undefined : Math.floor(workingSetBytes / MiB);
  return {
    name,
    allocatableBytes,
    allocatablePods: PODS,
    memoryMiB,
    workingSetMiB,
    labels: {
      [NODE_LABELS.os]: MAC_OS_LABEL_VALUE,
      [NODE_LABELS.arch]: "arm64",
      [NODE_LABELS.hostname]: name,
      ...(memoryMiB !== undefined && { [NODE_LABELS.memoryMiB]: String(memoryMiB) }),
      ...(workingSetMiB !== undefined && { [NODE_LABELS.workingSetMiB]: String(workingSetMiB) }),
      ...labels,
    },
    taints: [],
    unschedulable: false,
    isReady: true,
  };
}

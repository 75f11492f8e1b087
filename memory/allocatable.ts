import { formatBytes } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Budget, resolveBudget } from "./budget.ts";
import type { Backend } from "./estimate/types.ts";
import { LEAST_RESERVE_BYTES } from "./reserve.ts";

/** What macOS and everything else on a Mac keep by default, in bytes. With less, a Mac swaps until it hangs. */
export const MACOS_RESERVE_BYTES = 4 * 2 ** 30;

/** RAM up to which Metal recommends two thirds of it; above, three quarters. */
const TWO_THIRDS_UP_TO = 32 * 2 ** 30;

/**
 * The least working set that Metal was seen to recommend on a Mac with this much RAM, for advice about a Mac that cannot be asked
 * (docs/background/apple-memory.md, "Working set"). It is a little below the default share of 67 %.
 */
export function leastWorkingSetBytes(physicalMemoryBytes: number): number {
  return Math.floor(physicalMemoryBytes * (physicalMemoryBytes <= TWO_THIRDS_UP_TO ? 2 / 3 : 3 / 4));
}

/** A machine as its models see it. All amounts in bytes. */
export interface HostMemory {
  readonly backend: Backend;
  /** Physical memory of the whole machine, or of the container that the agent runs in. */
  readonly physicalMemoryBytes: number;
  /** What of it is counted on (`--host-memory`); default: all of it, which it never exceeds. */
  readonly hostMemoryBytes?: number | undefined;
  /** What Metal reports as its recommended working set. */
  readonly workingSetBytes?: number | undefined;
  /** What stays with the system and everything else (`--reserve`); default: {@link MACOS_RESERVE_BYTES} on a Mac, elsewhere nothing. */
  readonly reserveBytes?: number | undefined;
  /** `--memory-fraction` of `hostMemoryBytes`, above 0, at most 1; default: {@link resolveBudget}'s. */
  readonly agentFraction?: number | undefined;
}

/** What all models of a machine together may use. */
export interface Allocatable {
  /** At least 1. */
  readonly bytes: number;
  /** Where it comes from, for a person: `16.0 GiB * 67%`, `the Metal working set`, `8.0 GiB less 4.0 GiB kept for macOS (--reserve)`. */
  readonly origin: string;
  /** Whether a larger `--memory-fraction` would raise it. */
  readonly byFraction: boolean;
}

/**
 * The smaller of the node's budget (fraction of its memory, capped by the Metal working set) and its physical memory less the
 * reserve. What is reserved is real memory: a smaller `hostMemoryBytes` is not reduced again. A machine without Metal has no reserve
 * of its own accord: it is the Linux stand-in, or a container whose limit is its own. Fails where the fraction is out of range, and
 * where the reserve leaves nothing: on a Mac without `--reserve` only on a virtual one, since none is sold with less than 8 GiB.
 */
export function resolveAllocatable(host: HostMemory): Result<Allocatable> {
  const { backend, physicalMemoryBytes, workingSetBytes, agentFraction } = host;
  const hostMemoryBytes = Math.min(host.hostMemoryBytes ?? physicalMemoryBytes, physicalMemoryBytes);
  const budget = resolveBudget({ hostMemoryBytes, workingSetBytes, agentFraction });
  if (!budget.ok) return budget;
  const { bytes, cap } = budget.value;
  const byFraction = { bytes, origin: originOf(budget.value), byFraction: cap === undefined };
  const reserveBytes = host.reserveBytes ?? (backend === "metal" ? MACOS_RESERVE_BYTES : 0);
  const spared = physicalMemoryBytes - reserveBytes;
  const [machine, keeper] = backend === "metal" ? ["Mac", "macOS"] : ["machine", "the system"];
  const [physical, kept] = [physicalMemoryBytes, reserveBytes].map(formatBytes);
  const reserve = `${kept} kept for ${keeper} (--reserve)`;
  if (spared <= 0) {
    const remedy = `no model can run here; give a smaller --reserve, of at least ${formatBytes(LEAST_RESERVE_BYTES)}`;
    return fail(`this ${machine} has ${physical} of memory, and ${reserve} leaves nothing: ${remedy}`);
  }
  if (byFraction.bytes <= spared) return ok(byFraction);
  return ok({ bytes: spared, origin: `${physical} less ${reserve}`, byFraction: false });
}

/** What somebody declares of a Mac that cannot be asked. All amounts in bytes, each as in {@link HostMemory}. */
export type DeclaredMac = Omit<HostMemory, "backend" | "hostMemoryBytes">;

/**
 * The same for a Mac that is known by what somebody says of it only. Where neither its working set nor a fraction is said, the least
 * working set counts; a fraction that somebody chose is theirs to answer for.
 */
/** One clause where Metal's working set is more than the memory that it is a part of. */
export function workingSetProblem(workingSetBytes: number | undefined, memoryBytes: number): string | undefined {
  if (workingSetBytes === undefined || workingSetBytes <= memoryBytes) return undefined;
  return `workingSet is ${formatBytes(workingSetBytes)}, but memory is ${formatBytes(memoryBytes)}: a working set is a part of the memory`;
}

export function resolveDeclaredMac(mac: DeclaredMac): Result<Allocatable> {
  const assumed = mac.agentFraction === undefined ? leastWorkingSetBytes(mac.physicalMemoryBytes) : undefined;
  return resolveAllocatable({ ...mac, backend: "metal", workingSetBytes: mac.workingSetBytes ?? assumed });
}

/** `4.0 GiB (8.0 GiB less 4.0 GiB kept for macOS (--reserve))`. */
export function describeAllocatable({ bytes, origin }: Allocatable): string {
  return `${formatBytes(bytes)} (${origin})`;
}

/**
 * Why a model that fits its own budget still cannot run on this machine, not even alone, as a sentence; undefined: it can. Preview and
 * admission both ask here.
 *
 * @param needBytes its estimate
 */
export function exceedsAllocatable(needBytes: number, allocatable: Allocatable): string | undefined {
  if (needBytes <= allocatable.bytes) return undefined;
  const remedy = allocatable.byFraction ? "raise --memory-fraction or choose" : "lower contextSize or choose";
  const together = `all models of the machine together may use ${describeAllocatable(allocatable)}`;
  return `estimated ${formatBytes(needBytes)} required, but ${together}; ${remedy} a smaller model`;
}

function originOf({ cap, fraction = 1, totalBytes = 0 }: Budget): string {
  if (cap !== undefined) return `the ${cap.by}`;
  return `${formatBytes(totalBytes)} * ${Number((fraction * 100).toFixed(2))}%`;
}

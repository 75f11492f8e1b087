import { MiB } from "../../api/bytes.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { Allocatable } from "../../memory/allocatable.ts";
import { resolveBudget } from "../../memory/budget.ts";
import type { KnownModelSpec } from "../definition.ts";

/** A Mac that models may run on. */
export interface RuleHost {
  /** For a person: `the Mac`, or the name of one. */
  readonly name: string;
  /** What a memoryFraction is a fraction of; undefined where only its allocatable memory is known. */
  readonly memoryBytes: number | undefined;
  /** What all its models together may use, by memory/allocatable.ts, and where that comes from. */
  readonly allocatable: Allocatable;
}

/** A Model's budget on one Mac, before anything caps it. */
export interface HostBudget {
  readonly host: RuleHost;
  readonly bytes: number;
  /** Which part of what the Mac gives to all its models the budget is; above 1 it is more. */
  readonly share: number;
}

type Hardware = KnownModelSpec["hardware"];

/**
 * What the Model asks for on the Mac that has the most room for it; undefined where it asks for nothing, where there is no
 * Mac, and where what it asks for is no budget at all, which memory-budget-valid says.
 */
export function roomiestBudget(hosts: readonly RuleHost[], hardware: Hardware): HostBudget | undefined {
  const { memoryBudget, memoryFraction } = hardware ?? {};
  if (memoryBudget === undefined && memoryFraction === undefined) return undefined;
  const budgets = hosts.flatMap((host): readonly HostBudget[] => {
    const hostMemoryBytes = memoryBudget === undefined ? host.memoryBytes : undefined;
    if (memoryBudget === undefined && hostMemoryBytes === undefined) return [];
    const budget = resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes });
    if (!budget.ok) return [];
    const { bytes } = budget.value;
    return [{ host, bytes, share: bytes / host.allocatable.bytes }];
  });
  return budgets.toSorted((a, b) => a.share - b.share)[0];
}

/** `its budget of 48.0 GiB (spec.hardware.memoryBudget)`. */
export function budgetText({ host, bytes }: HostBudget, hardware: Hardware): string {
  const { memoryBudget, memoryFraction } = hardware ?? {};
  const origin =
    memoryBudget === undefined
      ? `spec.hardware.memoryFraction ${memoryFraction} of ${formatBytes(host.memoryBytes ?? 0)}`
      : "spec.hardware.memoryBudget";
  return `its budget of ${formatBytes(bytes)} (${origin})`;
}

/** `a memoryBudget of at most 21845Mi (21.3 GiB)`: the most within `share` of what the Mac gives. */
export function budgetThatFits({ host }: HostBudget, hardware: Hardware, share: number): string {
  const bytes = Math.floor(host.allocatable.bytes * share);
  if (hardware?.memoryBudget !== undefined || host.memoryBytes === undefined) {
    return `a memoryBudget of at most ${Math.floor(bytes / MiB)}Mi (${formatBytes(bytes)})`;
  }
  return `a memoryFraction of at most ${Math.floor((bytes / host.memoryBytes) * 1000) / 1000}`;
}

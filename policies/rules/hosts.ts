import * as z from "zod";
import { leastWorkingSetBytes, resolveAllocatable } from "../../memory/allocatable.ts";
import { fitConfigSchema } from "../config.ts";
import type { RuleHost } from "./host-budget.ts";

const { hostMemory, agentMemoryFraction, reserve } = fitConfigSchema.shape;

/** The Mac that a rule holds a budget against. */
export const hostsConfig = z.strictObject({
  hostMemory: hostMemory.describe(
    "The physical memory of the largest Mac: a Kubernetes quantity of bytes, such as 32Gi. Without it no budget is held against a Mac.",
  ),
  agentMemoryFraction,
  reserve,
});

/** None where no memory is configured, and none where nothing of it is left for models. */
export function hostsOf(config: z.output<typeof hostsConfig>): readonly RuleHost[] {
  if (config.hostMemory === undefined) return [];
  const allocatable = resolveAllocatable({
    backend: "metal",
    physicalMemoryBytes: config.hostMemory,
    // Whoever sets --memory-fraction has raised Metal's own limit with it.
    workingSetBytes: config.agentMemoryFraction === undefined ? leastWorkingSetBytes(config.hostMemory) : undefined,
    agentFraction: config.agentMemoryFraction,
    reserveBytes: config.reserve,
  });
  return allocatable.ok ? [{ name: "the Mac", memoryBytes: config.hostMemory, allocatable: allocatable.value }] : [];
}

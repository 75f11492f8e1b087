import * as z from "zod";
import { parseQuantity } from "../../api/quantity.ts";
import { leastWorkingSetBytes, resolveAllocatable } from "../../memory/allocatable.ts";
import { parseReserve } from "../../memory/reserve.ts";
import type { RuleHost } from "./host-budget.ts";

/** The Macs that a rule holds a budget against. */
export const hostsConfig = z.strictObject({
  hostMemory: z
    .string()
    .transform((text, context) => {
      const bytes = parseQuantity(text);
      if (bytes.ok && bytes.value > 0n) return Number(bytes.value);
      context.addIssue("it must be a quantity of bytes above 0, for example 32Gi");
      return z.NEVER;
    })
    .describe(
      "The physical memory of the largest Mac: a Kubernetes quantity of bytes, such as 32Gi. Without it nothing is checked.",
    )
    .optional(),
  agentMemoryFraction: z
    .number()
    .gt(0)
    .lte(1)
    .describe(
      "The --memory-fraction of its agent, above 0 and at most 1. Default: 0.67 up to 36 GiB of memory, 0.75 above.",
    )
    .optional(),
  reserve: z
    .string()
    .transform((text, context) => {
      const bytes = parseReserve(text);
      if (bytes.ok) return bytes.value;
      context.addIssue("it must be a quantity of bytes of at least 1Gi, for example 4Gi");
      return z.NEVER;
    })
    .describe("The --reserve of its agent: what stays with macOS, a Kubernetes quantity of at least 1Gi. Default: 4Gi.")
    .optional(),
});

/** None where no memory is configured, and none where nothing of it is left for models. */
export function hostsOf(config: z.output<typeof hostsConfig>): readonly RuleHost[] {
  const { hostMemory, agentMemoryFraction, reserve } = config;
  if (hostMemory === undefined) return [];
  const allocatable = resolveAllocatable({
    backend: "metal",
    physicalMemoryBytes: hostMemory,
    // Whoever sets --memory-fraction has raised Metal's own limit with it.
    workingSetBytes: agentMemoryFraction === undefined ? leastWorkingSetBytes(hostMemory) : undefined,
    agentFraction: agentMemoryFraction,
    reserveBytes: reserve,
  });
  return allocatable.ok ? [{ name: "the Mac", memoryBytes: hostMemory, allocatable: allocatable.value }] : [];
}

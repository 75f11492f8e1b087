import * as z from "zod";
import { MiB } from "../../api/bytes.ts";
import { resolveDeclaredMac } from "../../memory/allocatable.ts";
import { fitConfigSchema } from "../config.ts";
import { hostsConfigSchema } from "../fleet/config.ts";
import { declaredAllocatable } from "../hosts/declared.ts";
import { openHosts } from "../hosts/open.ts";
import type { RuleHost } from "./host-budget.ts";

const { hostMemory, agentMemoryFraction, reserve } = fitConfigSchema.shape;
const { hosts, hostsFile } = hostsConfigSchema.shape;

/** The Macs that a rule holds a budget against. */
export const hostsConfig = z.strictObject({
  hostMemory: hostMemory.describe(
    "The physical memory of the largest Mac: a Kubernetes quantity of bytes, such as 32Gi. Without it, hosts and hostsFile no budget is" +
      " held against a Mac.",
  ),
  agentMemoryFraction,
  reserve,
  hosts: hosts.describe("The Macs that may run the models. Where they are given, hostMemory does not count."),
  hostsFile,
});

type Settings = z.output<typeof hostsConfig>;

/**
 * The Macs that are named, and without any of them the one of `hostMemory`. A Mac of which nothing is left for models counts for nothing,
 * and so does a place that cannot be read: fleet-placement says so.
 */
export async function hostsOf(config: Settings): Promise<readonly RuleHost[]> {
  const named = await namedHosts(config);
  return named.length > 0 ? named : typicalHost(config);
}

async function namedHosts({ hosts = [], hostsFile }: Settings): Promise<readonly RuleHost[]> {
  if (hosts.length === 0 && hostsFile === undefined) return [];
  const entries = new Map(hosts.map((entry) => [entry.name, entry]));
  const known = await openHosts([], { hosts, hostsFile });
  return known.hosts.map(({ name, allocatableBytes, memoryMiB }): RuleHost => {
    const entry = entries.get(name);
    const declared = entry && declaredAllocatable(entry);
    if (entry !== undefined && declared?.ok) {
      return { name, memoryBytes: entry.memory, allocatable: declared.value };
    }
    const seen = { bytes: allocatableBytes, origin: "hostsFile", byFraction: false };
    return { name, memoryBytes: memoryMiB === undefined ? undefined : memoryMiB * MiB, allocatable: seen };
  });
}

function typicalHost({ hostMemory, agentMemoryFraction, reserve }: Settings): readonly RuleHost[] {
  if (hostMemory === undefined) return [];
  const allocatable = resolveDeclaredMac({
    physicalMemoryBytes: hostMemory,
    agentFraction: agentMemoryFraction,
    reserveBytes: reserve,
  });
  return allocatable.ok ? [{ name: "the Mac", memoryBytes: hostMemory, allocatable: allocatable.value }] : [];
}

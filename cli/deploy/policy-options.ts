import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packagePath } from "../../agent/state/package.ts";

/** The pack, and its configuration, for a run of Pulumi. */
export interface PolicyOptions {
  readonly policyPacks: string[];
  readonly policyPackConfigs?: string[];
}

/** Gives `work` the package's own policy pack; `hostMemory` is a quantity, and undefined means the memory of this machine. */
export async function withPolicies<T>(
  hostMemory: string | undefined,
  work: (policies: PolicyOptions) => Promise<T>,
): Promise<T> {
  const policyPacks = [packagePath("policies/pack")];
  if (hostMemory === undefined) return work({ policyPacks });
  const folder = await mkdtemp(join(tmpdir(), "pulumi-llmkube-deploy-"));
  try {
    const config = join(folder, "policies.json");
    await writeFile(config, JSON.stringify(packConfig(hostMemory)));
    return await work({ policyPacks, policyPackConfigs: [config] });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function packConfig(hostMemory: string): object {
  return { "memory-budget-valid": { hostMemory }, "memory-fits": { hostMemory } };
}

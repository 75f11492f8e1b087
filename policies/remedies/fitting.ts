import type * as z from "zod";
import { formatBytes } from "../../api/quantity.ts";
import { describeAllocatable } from "../../memory/allocatable.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { estimateWhole, type Served } from "../../memory/served.ts";
import { neededSettings } from "../../serving/needed-settings.ts";
import { type FitSettings, fitConfig, fitConfigSchema } from "../config.ts";
import type { ModelSubject, ServedSubject } from "../definition.ts";
import { type Examined, examine } from "../examine.ts";
import type { RuleHost } from "../rules/host-budget.ts";
import { type hostsConfig, hostsOf } from "../rules/hosts.ts";

/** The fields that decide whether a service fits: a remedy leaves alone what depends on one that is not known yet. */
export const READS = {
  model: /^spec\.(source|format|files|mmproj|hardware)\b/,
  service:
    /^spec\.(modelRef|runtime|mode|contextSize|parallelSlots|cacheType\w+|flashAttention|u?[bB]atchSize|speculativeDecoding|ropeScaling|moeCPU\w+|noKvOffload|extraArgs|metadataOverrides|tensorOverrides)\b|^metadata\.annotations.*llmkube\.dev\/prompt-cache/,
};

/** A service that does not fit, and what it would have to fit into. */
export interface Misfit {
  readonly served: Served;
  readonly settings: EstimateSettings;
  readonly limitBytes: number;
  /** For a person: `estimated 8.0 GiB required, budget 4.0 GiB (absolute from CRD)`. */
  readonly facts: string;
}

type Settings = z.output<typeof hostsConfig>;

/** Undefined where the service fits, and where whether it fits cannot be told: memory-fits says why. */
export async function misfitOf(
  { service, model, draft }: ServedSubject,
  settings: Settings,
): Promise<Misfit | undefined> {
  if (service.spec.runtime !== "llamacpp") return undefined;
  const [own, drafting] = await Promise.all(
    [model, ...(draft === undefined ? [] : [draft])].map((each) => factsOf(each, settings)),
  );
  if (own === undefined || (draft !== undefined && drafting === undefined)) return undefined;
  const asked = neededSettings(service, own.backend);
  if (!asked.ok) return undefined;
  const served = { header: own.header, mmproj: own.mmproj, draft: drafting?.header };
  const limit = limitOf(own, await hostsOf(settings));
  const need = needOf(served, asked.value);
  if (need === undefined || need <= limit.bytes) return undefined;
  const facts = `estimated ${formatBytes(need)} required, ${limit.text}`;
  return { served, settings: asked.value, limitBytes: limit.bytes, facts };
}

/** Bytes; undefined: not known. */
export function needOf(served: Served, settings: EstimateSettings): number | undefined {
  const estimated = estimateWhole(served, settings);
  return estimated.ok && estimated.value.confidence !== "unknown" ? estimated.value.totalBytes : undefined;
}

type Facts = Extract<Examined, { readonly state: "ready" }>["facts"];

/** What memory-fits knows of a Model; undefined where it cannot be known. */
export async function factsOf(
  model: ModelSubject,
  { hostMemory, agentMemoryFraction }: Settings,
): Promise<Facts | undefined> {
  const fit: FitSettings = { ...fitConfigSchema.parse({}), hostMemory, agentMemoryFraction };
  const examined = await examine(model, fitConfig(fit));
  return examined.state === "ready" ? examined.facts : undefined;
}

/** The model's own budget, or what the roomiest Mac gives to all models, whichever is less. */
function limitOf({ budget }: Facts, hosts: readonly RuleHost[]): { readonly bytes: number; readonly text: string } {
  const [host] = hosts.toSorted((a, b) => b.allocatable.bytes - a.allocatable.bytes);
  if (host === undefined || budget.bytes <= host.allocatable.bytes) {
    return { bytes: budget.bytes, text: describeBudget(budget) };
  }
  const { name, allocatable } = host;
  return {
    bytes: allocatable.bytes,
    text: `all models of ${name} together may use ${describeAllocatable(allocatable)}`,
  };
}

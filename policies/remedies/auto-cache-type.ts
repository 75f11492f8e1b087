import * as z from "zod";
import { isQuantized } from "../../memory/estimate/cache-types.ts";
import { defineRule } from "../define.ts";
import type { Remedied, ServedSubject } from "../definition.ts";
import { hostsConfig } from "../rules/hosts.ts";
import { misfitOf, needOf, READS } from "./fitting.ts";

const config = hostsConfig.extend({
  types: z
    .array(z.enum(["q8_0", "q4_0"]))
    .describe(
      "The types that are tried, the best first: q8_0 halves the cache and is hardly noticed, q4_0 quarters it and is. Default: q8_0 alone.",
    )
    .default(["q8_0"]),
});

/** Keys and values get the same type, because Metal has flash attention for no other pair. Only ever lowers what a service needs. */
export const autoCacheType = defineRule({
  name: "auto-cache-type",
  title: "Quantize a cache that does not fit",
  description: "A service that does not fit its budget gets a quantized KV cache if it fits with that.",
  remedy: "Set cacheTypeK and cacheTypeV to the type in the note, so that the program says what runs.",
  severity: "low",
  tags: ["memory", "cache", "remediation"],
  level: "disabled",
  config,
  reads: READS,
  remediateServed,
});

async function remediateServed(
  subject: ServedSubject,
  { types, ...hosts }: z.output<typeof config>,
): Promise<Remedied> {
  const { spec, label } = subject.service;
  const isCustom = spec.cacheTypeCustomK !== undefined || spec.cacheTypeCustomV !== undefined;
  const misfit = isCustom ? undefined : await misfitOf(subject, hosts);
  if (misfit === undefined) return undefined;
  const { served, settings, limitBytes, facts } = misfit;
  const { cacheTypeK, cacheTypeV, flashAttention } = settings;
  if (!flashAttention || isQuantized(cacheTypeK) || isQuantized(cacheTypeV)) return undefined;
  const fitting = types.find((type) => {
    const need = needOf(served, { ...settings, cacheTypeK: type, cacheTypeV: type });
    return need !== undefined && need <= limitBytes;
  });
  if (fitting === undefined) return undefined;
  return {
    changes: { "spec.cacheTypeK": fitting, "spec.cacheTypeV": fitting },
    note:
      `${label}: auto-cache-type set spec.cacheTypeK and spec.cacheTypeV to ${fitting}, with which it fits, from ${cacheTypeK} and` +
      ` ${cacheTypeV} (${facts}). To keep it, write it into the program.`,
  };
}

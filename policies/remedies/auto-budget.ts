import * as z from "zod";
import { MiB } from "../../api/bytes.ts";
import { formatBytes } from "../../api/quantity.ts";
import { MAX_CONTEXT_SIZE, MAX_PARALLEL_SLOTS, SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { describeBudget } from "../../memory/budget.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { DEFAULT_SETTINGS } from "../../serving/default-settings.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject, Remedied } from "../definition.ts";
import { hostsConfig, hostsOf } from "../rules/hosts.ts";
import { factsOf, needOf, READS } from "./fitting.ts";

const config = hostsConfig.extend({
  contextSize: z
    .int()
    .min(128)
    .max(MAX_CONTEXT_SIZE)
    .describe(
      "The context that the budget is for, in tokens, from 128 to 2097152. A Model comes before its services, so theirs is not known" +
        " when its budget is set. Default: 2048, what a service without settings has.",
    )
    .default(SERVER_DEFAULTS.contextSize),
  parallelSlots: z
    .int()
    .min(1)
    .max(MAX_PARALLEL_SLOTS)
    .describe("The number of slots that the budget is for, from 1 to 64. Default: 1.")
    .default(SERVER_DEFAULTS.parallelSlots),
  headroom: z
    .number()
    .min(0)
    .max(1)
    .describe("What the budget has above the estimate, as a part of it, from 0 to 1. Default: 0.05.")
    .default(0.05),
});

/** Only ever raises a budget, and never what a service needs. A fraction is what somebody chose for every Mac, and stays. */
export const autoBudget = defineRule({
  name: "auto-budget",
  title: "Set a budget that fits",
  description: "A Model whose budget is missing or too small gets one that its weights fit with a given context.",
  remedy:
    "Set memoryBudget to the value in the note, so that the program says what runs. A Model comes before its services, so the budget is for" +
    " contextSize and parallelSlots of this configuration; where a service asks for more, memory-fits says what it needs.",
  severity: "low",
  tags: ["memory", "budget", "remediation"],
  level: "disabled",
  config,
  reads: { model: READS.model },
  remediateModel,
});

async function remediateModel(model: ModelSubject, settings: z.output<typeof config>): Promise<Remedied> {
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  if (memoryBudget === undefined && memoryFraction !== undefined) return undefined;
  const facts = await factsOf(model, settings);
  if (facts === undefined) return undefined;
  const { contextSize, parallelSlots: parallel, headroom } = settings;
  const served: EstimateSettings = { ...DEFAULT_SETTINGS, backend: facts.backend, contextSize, parallel };
  const need = needOf({ header: facts.header, mmproj: facts.mmproj }, served);
  if (need === undefined || (memoryBudget !== undefined && need <= facts.budget.bytes)) return undefined;
  const mebibytes = Math.ceil((need * (1 + headroom)) / MiB);
  // What no Mac has room for is no budget: memory-fits says what would fit.
  const hosts = await hostsOf(settings);
  if (hosts.length > 0 && hosts.every(({ allocatable }) => mebibytes * MiB > allocatable.bytes)) return undefined;
  const before = memoryBudget === undefined ? "none was set" : `it was ${describeBudget(facts.budget)}`;
  return {
    changes: { "spec.hardware.memoryBudget": `${mebibytes}Mi` },
    note:
      `${model.label}: auto-budget set spec.hardware.memoryBudget to ${mebibytes}Mi (${before}): estimated ${formatBytes(need)} required` +
      ` with a context of ${contextSize} tokens and ${parallel} slot${parallel === 1 ? "" : "s"}, and ${percent(headroom)} above that. To keep it, write it into the program.`,
  };
}

function percent(part: number): string {
  return `${Number((part * 100).toFixed(1))}%`;
}

import * as z from "zod";
import { formatBytes } from "../../api/quantity.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject, Peers } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { budgetWithinHost } from "./budget-within-host.ts";
import { budgetText, budgetThatFits, roomiestBudget } from "./host-budget.ts";
import { hostsConfig, hostsOf } from "./hosts.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = hostsConfig.extend({
  share: z
    .number()
    .gt(0)
    .lte(1)
    .describe(
      "The largest part that one model may take of what a Mac gives to all its models, above 0 and at most 1. Default: 0.8.",
    )
    .default(0.8),
});

/** One model that takes a whole Mac leaves no room for any other. */
export const largestShareOfHost = defineRule({
  name: "largest-share-of-host",
  title: "Largest share of a Mac",
  description: "One Model must leave a part of its Mac to others.",
  remedy:
    "Lower the budget to what the message says, choose a larger Mac, or allow a larger share in the configuration.",
  severity: "low",
  tags: ["memory", "budget", "hosts"],
  level: "advisory",
  config,
  examples: {
    config: { hostMemory: "64Gi", share: 0.5 },
    bad: { model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal", memoryBudget: "40Gi" } } },
    good: { model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal", memoryBudget: "24Gi" } } },
  },
  checkModel,
});

async function checkModel(model: ModelSubject, settings: z.output<typeof config>, peers: Peers): Promise<Findings> {
  const { label, spec, unknown } = model;
  const notes = notYetKnown({ label, unknown }, ["hardware.memoryBudget", "hardware.memoryFraction"]);
  if (notes.length > 0) return { notes };
  const hosts = await hostsOf(settings);
  const best = roomiestBudget(hosts, spec.hardware);
  if (best === undefined || best.share <= settings.share) return {};
  // What is more than the whole Mac is said already where that rule is in force.
  if (best.share > 1 && peers.refused(budgetWithinHost.name, model)) return {};
  const { name, allocatable } = best.host;
  const others = hosts.length === 1 ? "" : ", and a larger part of every other Mac";
  return refusal(
    `${label}: ${budgetText(best, spec.hardware)} is ${percent(best.share)} of what ${name} gives to all its models,` +
      ` ${formatBytes(allocatable.bytes)} (${allocatable.origin})${others}. One model may take at most ${percent(settings.share)}` +
      ` (share in the configuration of largest-share-of-host).\nWhat would fit: ${budgetThatFits(best, spec.hardware, settings.share)}.`,
  );
}

function percent(part: number): string {
  return `${Number((part * 100).toFixed(1))}%`;
}

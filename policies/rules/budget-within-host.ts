import type * as z from "zod";
import { GiB } from "../../api/bytes.ts";
import { formatBytes } from "../../api/quantity.ts";
import { smallestMacFor } from "../../memory/advice.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { budgetText, budgetThatFits, roomiestBudget } from "./host-budget.ts";
import { hostsConfig, hostsOf } from "./hosts.ts";
import { notYetKnown } from "./not-yet-known.ts";

/** The agent caps a budget that its Mac cannot give, so the model would have less than the program says. */
export const budgetWithinHost = defineRule({
  name: "budget-within-host",
  title: "Budget within the Mac",
  description: "A Model's budget must not be more than a Mac gives to its models.",
  remedy: "Lower memoryBudget or memoryFraction to what the message says, or choose a Mac with more memory.",
  severity: "high",
  tags: ["memory", "budget", "hosts"],
  level: "mandatory",
  config: hostsConfig,
  examples: {
    config: { hostMemory: "32Gi" },
    bad: { model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal", memoryBudget: "30Gi" } } },
    good: { model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal", memoryBudget: "20Gi" } } },
  },
  checkModel,
});

async function checkModel(
  { label, spec, unknown }: ModelSubject,
  config: z.output<typeof hostsConfig>,
): Promise<Findings> {
  const notes = notYetKnown({ label, unknown }, ["hardware.memoryBudget", "hardware.memoryFraction"]);
  if (notes.length > 0) return { notes };
  const hosts = await hostsOf(config);
  const best = roomiestBudget(hosts, spec.hardware);
  if (best === undefined || best.share <= 1) return {};
  const { host, bytes } = best;
  const most = `${formatBytes(host.allocatable.bytes)} (${host.allocatable.origin})`;
  const gives =
    hosts.length === 1
      ? `${host.name} gives to all its models: ${most}`
      : `any of the ${hosts.length} Macs gives to all its models: at most ${most}, on ${host.name}`;
  const macBytes = smallestMacFor(bytes);
  const mac = macBytes === undefined ? "" : `, or a Mac with ${macBytes / GiB} GiB of memory`;
  return refusal(
    `${label}: ${budgetText(best, spec.hardware)} is more than ${gives}.\nWhat would fit: ${budgetThatFits(best, spec.hardware, 1)}${mac}.`,
  );
}

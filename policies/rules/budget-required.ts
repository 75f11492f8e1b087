import * as z from "zod";
import { BACKENDS } from "../../memory/estimate/types.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = z.strictObject({
  fractionCounts: z
    .boolean()
    .describe(
      "Whether memoryFraction counts as a budget. If not, only memoryBudget does, which is the same on every Mac. Default: true.",
    )
    .default(true),
});

/** Without a budget of its own a model may use what its agent gives by default: two thirds of a Mac, or more. */
export const budgetRequired = defineRule({
  name: "budget-required",
  title: "A budget for each model",
  description: "A Model on a Mac must say how much memory it may use.",
  remedy:
    "Set memoryBudget, for example 24Gi. A memoryFraction, for example 0.5, counts too unless fractionCounts is false.",
  severity: "medium",
  tags: ["memory", "budget"],
  level: "advisory",
  config,
  examples: {
    bad: { model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal" } } },
    good: { model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "metal", memoryBudget: "24Gi" } } },
  },
  checkModel,
});

function checkModel(model: ModelSubject, { fractionCounts }: z.output<typeof config>): Findings {
  const { accelerator = "cpu", memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  if (memoryBudget !== undefined || (fractionCounts && memoryFraction !== undefined)) return {};
  const counted = ["hardware.memoryBudget", ...(fractionCounts ? ["hardware.memoryFraction"] : [])];
  const notes = notYetKnown(model, ["hardware.accelerator", ...counted]);
  // Other accelerators have memory of their own, for which there is no budget.
  if (notes.length > 0 || !BACKENDS.some((shared) => shared === accelerator)) return { notes };
  if (memoryFraction !== undefined) {
    return refusal(
      `${model.label} has no spec.hardware.memoryBudget. Its memoryFraction ${memoryFraction} is another amount on every Mac and` +
        " does not count (fractionCounts is false in the configuration of budget-required). Set memoryBudget, for example 24Gi.",
    );
  }
  const orFraction = fractionCounts ? ", or spec.hardware.memoryFraction, for example 0.5" : "";
  return refusal(
    `${model.label} has no budget, so it may use all that its Mac gives to models: 67% of its memory, or 75% on a Mac with more` +
      ` than 36 GiB, unless its agent says otherwise. Set spec.hardware.memoryBudget, for example 24Gi${orFraction}.`,
  );
}

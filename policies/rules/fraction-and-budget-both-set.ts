import * as z from "zod";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";

/** Only one of the two counts, and who reads the program cannot see which. */
export const fractionAndBudgetBothSet = defineRule({
  name: "fraction-and-budget-both-set",
  title: "Only one kind of budget",
  description: "A Model must set memoryBudget or memoryFraction, not both.",
  remedy: "Remove one of the two. As long as both are set memoryBudget wins, and memoryFraction has no effect.",
  severity: "low",
  tags: ["memory", "budget"],
  level: "advisory",
  config: z.strictObject({}),
  examples: {
    bad: { model: { source: "hf://org/repo/model.gguf", hardware: { memoryBudget: "24Gi", memoryFraction: 0.5 } } },
    good: { model: { source: "hf://org/repo/model.gguf", hardware: { memoryBudget: "24Gi" } } },
  },
  checkModel,
});

function checkModel(model: ModelSubject): Findings {
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  if (memoryBudget === undefined || memoryFraction === undefined) {
    return { notes: notYetKnown(model, ["hardware.memoryBudget", "hardware.memoryFraction"]) };
  }
  return refusal(
    `${model.label} sets both spec.hardware.memoryBudget (${memoryBudget}) and spec.hardware.memoryFraction` +
      ` (${memoryFraction}): memoryBudget wins, and memoryFraction has no effect. Remove one of them.`,
  );
}

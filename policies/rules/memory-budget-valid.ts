import { totalmem } from "node:os";
import { describeBudget, resolveBudget } from "../../memory/budget.ts";
import { budgetConfigSchema } from "../config.ts";
import { defineRule } from "../define.ts";
import { unknownInPreview } from "../manifest.ts";

/** Refuses a Model whose fields, above all its budget, the API server or the agent would refuse. */
export const memoryBudgetValid = defineRule({
  name: "memory-budget-valid",
  title: "Memory budget is valid",
  description: "A Model's memory budget must be valid.",
  remedy:
    "Set memoryBudget to a Kubernetes quantity of bytes such as 24Gi, or memoryFraction to a number above 0 and at most 1.",
  severity: "high",
  tags: ["memory", "budget"],
  level: "mandatory",
  config: budgetConfigSchema,
  reportsFaultsOf: "Model",

  checkModel({ label, spec: { hardware }, unknown }, { hostMemory }) {
    const { memoryBudget, memoryFraction } = hardware ?? {};
    const missing = unknown.filter((path) => /^spec\.hardware\b/.test(path));
    const notes = missing.length > 0 ? [unknownInPreview(label, missing)] : [];
    const budget = resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes: hostMemory ?? totalmem() });
    if (!budget.ok) return { refusals: [`${label}: spec.hardware.${budget.error}`], notes };
    const { hint, cap } = budget.value;
    if (hint !== undefined) return { refusals: [`${label}: spec.hardware.${hint}`], notes };
    if (cap === undefined) return { notes };
    const host =
      hostMemory === undefined ? "this machine has (if models run on another one, set hostMemory)" : "the Mac has";
    const what = `spec.hardware.memoryBudget is more than ${host}, so the agent will cap it`;
    return { notes: [...notes, `${label}: ${what}: ${describeBudget(budget.value)}.`] };
  },
});

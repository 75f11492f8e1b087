import { totalmem } from "node:os";
import type * as z from "zod";
import { keyFaults } from "../../api/key-faults.ts";
import { addressProblem } from "../../fetch/address-problem.ts";
import { describeBudget, resolveBudget } from "../../memory/budget.ts";
import { budgetConfigSchema } from "../config.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import type { Findings } from "../findings.ts";
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

  checkModel(model, settings) {
    const { refusals = [], ...budget } = checkBudget(model, settings);
    return { ...budget, refusals: [...modelFaults(model), ...refusals] };
  },
});

/** Addresses that nobody could ever fetch, and keys that are none. LlmModel refuses the same of its arguments. */
function modelFaults({
  label,
  labels,
  annotations,
  spec: { source, mmproj, format },
}: ModelSubject): readonly string[] {
  const problems = [
    ...keyFaults({ metadata: { labels, annotations }, spec: {} }),
    format === "gguf" ? addressProblem("spec.source", source) : undefined,
    addressProblem("spec.mmproj", mmproj),
  ];
  return problems.flatMap((problem) => (problem === undefined ? [] : [`${label}: ${problem}.`]));
}

function checkBudget(
  { label, spec: { hardware }, unknown }: ModelSubject,
  { hostMemory }: z.output<typeof budgetConfigSchema>,
): Findings {
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
}

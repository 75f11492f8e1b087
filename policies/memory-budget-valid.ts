import { totalmem } from "node:os";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import type { ModelSpec } from "../api/model.ts";
import { describeBudget, resolveBudget } from "../memory/budget.ts";
import { type BudgetConfig, budgetPolicyConfigSchema, readBudgetConfig } from "./config.ts";
import { type Findings, refusal, remark, report } from "./findings.ts";
import { knownLater, type Resource, readModel } from "./manifest.ts";
import { kindOf } from "./resource-types.ts";

/** A Model's fields, its budget above all, must be what the API server and the agent will accept. */
export const memoryBudgetValid: ResourceValidationPolicy = {
  name: "memory-budget-valid",
  description: "A Model's memory budget must be valid.",
  enforcementLevel: "mandatory",
  configSchema: budgetPolicyConfigSchema,
  validateResource: (args, reportViolation) => {
    if (kindOf(args.type) !== "Model") return;
    const config = readBudgetConfig(args.getConfig());
    report(config.ok ? validateModel(args, config.value) : refusal(config.error), args.urn, reportViolation);
  },
};

function validateModel(resource: Resource, config: BudgetConfig): Findings {
  const reading = readModel(resource);
  if (reading.state === "faulty") return refusal(reading.fault);
  const { subject } = reading;
  const later = reading.unknown.filter((path) => /^spec(\.hardware\b|$)/.test(path));
  const { refusals = [], notes = [] } =
    reading.state === "read" ? validateBudget(subject, reading.manifest.spec, config) : {};
  return { refusals, notes: later.length > 0 ? [knownLater(subject, later), ...notes] : notes };
}

function validateBudget(subject: string, { hardware }: ModelSpec, { hostMemory }: BudgetConfig): Findings {
  const { memoryBudget, memoryFraction } = hardware ?? {};
  const budget = resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes: hostMemory ?? totalmem() });
  if (!budget.ok) return refusal(`${subject}: spec.hardware.${budget.error}`);
  const { hint, cap } = budget.value;
  if (hint !== undefined) return refusal(`${subject}: spec.hardware.${hint}`);
  if (cap === undefined) return {};
  const whose =
    hostMemory === undefined ? "this machine has (set hostMemory where models run elsewhere)" : "the Mac has";
  const what = `spec.hardware.memoryBudget is more than ${whose}, and the agent caps it`;
  return remark(`${subject}: ${what}: ${describeBudget(budget.value)}.`);
}

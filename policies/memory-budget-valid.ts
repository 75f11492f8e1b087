import { totalmem } from "node:os";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import type { ModelSpec } from "../api/model.ts";
import { describeBudget, resolveBudget } from "../memory/budget.ts";
import { type BudgetConfig, budgetPolicyConfigSchema, readBudgetConfig } from "./config.ts";
import { type Findings, refusal, remark, report } from "./findings.ts";
import { type Resource, readModel, unknownInPreview } from "./manifest.ts";
import { kindOf } from "./resource-types.ts";

/** Refuses a Model whose fields, above all its budget, the API server or the agent would refuse. */
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
  const unknown = reading.unknown.filter((path) => /^spec(\.hardware\b|$)/.test(path));
  const { refusals = [], notes = [] } =
    reading.state === "read" ? validateBudget(subject, reading.manifest.spec, config) : {};
  return { refusals, notes: unknown.length > 0 ? [unknownInPreview(subject, unknown), ...notes] : notes };
}

function validateBudget(subject: string, { hardware }: ModelSpec, { hostMemory }: BudgetConfig): Findings {
  const { memoryBudget, memoryFraction } = hardware ?? {};
  const budget = resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes: hostMemory ?? totalmem() });
  if (!budget.ok) return refusal(`${subject}: spec.hardware.${budget.error}`);
  const { hint, cap } = budget.value;
  if (hint !== undefined) return refusal(`${subject}: spec.hardware.${hint}`);
  if (cap === undefined) return {};
  const host =
    hostMemory === undefined ? "this machine has (if models run on another one, set hostMemory)" : "the Mac has";
  const what = `spec.hardware.memoryBudget is more than ${host}, so the agent will cap it`;
  return remark(`${subject}: ${what}: ${describeBudget(budget.value)}.`);
}

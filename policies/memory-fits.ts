import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { formatBytes } from "../api/quantity.ts";
import { describeBudget } from "../memory/budget.ts";
import { draftModelRef } from "../serving/speculation.ts";
import { type FitConfig, fitPolicyConfigSchema, readFitConfig } from "./config.ts";
import { type Examined, examine, findingsOf } from "./examine.ts";
import { type Findings, refusal, remark, report } from "./findings.ts";
import { judge } from "./judge.ts";
import { type Resource, readInferenceService, readModel, subjectOf, unknownInPreview } from "./manifest.ts";
import { kindOf } from "./resource-types.ts";

// The process of a policy pack lives for one operation, and the engine shows it each resource once. An InferenceService
// is judged by its Model, which comes first if the service depends on it, as in LlmModel.

/** Models by subject. */
const models = new Map<string, Promise<Examined>>();
/** InferenceServices that came before their Model, by URN. */
const waiting = new Map<string, Resource>();

/** Fields of `InferenceService.spec` that decide whether it fits. */
const DECISIVE =
  /^spec(\.(modelRef|runtime|contextSize|parallelSlots|cacheType\w+|flashAttention|u?[bB]atchSize|speculativeDecoding|extraArgs)\b|$)/;

/**
 * A Model must fit its memory budget with the settings of its InferenceServices. The policy refuses the Model if its
 * weights alone do not fit, and otherwise the service, and says what would fit. A service that does not depend on its
 * Model may come before it; then it is judged at the end of the preview or update.
 */
export const memoryFits: ResourceValidationPolicy & StackValidationPolicy = {
  name: "memory-fits",
  description: "A model must fit its memory budget.",
  enforcementLevel: "mandatory",
  configSchema: fitPolicyConfigSchema,

  validateResource: async (args, reportViolation) => {
    const kind = kindOf(args.type);
    if (kind === undefined) return;
    const validate = kind === "Model" ? validateModel : validateService;
    const config = readFitConfig(args.getConfig());
    const findings = config.ok ? await guarded(args, () => validate(args, config.value)) : refusal(config.error);
    report(findings, args.urn, reportViolation);
  },

  validateStack: async (args, reportViolation) => {
    const config = readFitConfig(args.getConfig());
    if (!config.ok) return;
    for (const service of waiting.values()) {
      const findings = await guarded(service, () => validateService(service, config.value));
      report(findings, service.urn, reportViolation);
    }
    models.clear();
    waiting.clear();
  },
};

/**
 * An exception from a policy would fail the whole preview or update with a stack trace. A resource that cannot be
 * checked is refused instead.
 */
async function guarded({ name }: Resource, check: () => Promise<Findings>): Promise<Findings> {
  try {
    return await check();
  } catch (error) {
    return refusal(`Resource ${name} could not be checked: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function validateModel(resource: Resource, config: FitConfig): Promise<Findings> {
  const reading = readModel(resource);
  const examining = examine(reading, config);
  models.set(reading.subject, examining);
  const examined = await examining;
  // An invalid Model is reported by memory-budget-valid.
  if (reading.state === "faulty") return {};
  if (examined.state !== "ready") return findingsOf(examined);
  const { subject, weightsBytes, budget } = examined.facts;
  if (weightsBytes <= budget.bytes) return {};
  const facts = `its weights alone are ${formatBytes(weightsBytes)}, ${describeBudget(budget)}`;
  return refusal(`${subject} does not fit: ${facts}.`);
}

async function validateService(resource: Resource, config: FitConfig): Promise<Findings> {
  const reading = readInferenceService(resource);
  if (reading.state === "faulty") return refusal(reading.fault);
  const { subject } = reading;
  if (reading.state === "pending") return remark(unknownInPreview(subject, reading.unknown));
  const unknown = reading.unknown.filter((path) => DECISIVE.test(path));
  if (unknown.length > 0) return remark(unknownInPreview(subject, unknown));

  const { metadata, spec } = reading.manifest;
  const served = await modelFor(resource, subject, subjectOf("Model", metadata.namespace, spec.modelRef));
  if (!("facts" in served)) return served;
  const drafting = draftModelRef(spec);
  if (drafting === undefined) return judge(served.facts, undefined, subject, reading.manifest, config);
  const draft = await modelFor(resource, subject, subjectOf("Model", metadata.namespace, drafting));
  return "facts" in draft ? judge(served.facts, draft.facts, subject, reading.manifest, config) : draft;
}

/** A Model that the service needs, or the findings for the service if that Model is missing or refused. */
async function modelFor(resource: Resource, subject: string, modelSubject: string): Promise<ReadyModel | Findings> {
  const model = await models.get(modelSubject);
  if (model === undefined) return wait(resource, subject, modelSubject);
  if (model.state === "refused") return refusal(`${subject} cannot be served: ${firstLine(model.why)}`);
  return model.state === "ready" ? model : {};
}

type ReadyModel = Extract<Examined, { state: "ready" }>;

function wait(resource: Resource, subject: string, modelSubject: string): Findings {
  // This is the check at the end: the Model is not in this stack, and a note about that exists already.
  if (waiting.has(resource.urn)) return {};
  waiting.set(resource.urn, resource);
  const remedy = "To have it checked before it is created, let it depend on its Model (dependsOn).";
  return remark(
    `${subject}: ${modelSubject} was not registered before it, so it is checked at the end, or not at all if that Model is not in this stack. ${remedy}`,
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

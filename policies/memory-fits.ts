import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { formatBytes } from "../api/quantity.ts";
import { describeBudget } from "../memory/budget.ts";
import { draftModelRef } from "../serving/speculation.ts";
import { type FitConfig, fitPolicyConfigSchema, readFitConfig } from "./config.ts";
import { type Examined, examine, findingsOf } from "./examine.ts";
import { type Findings, refusal, remark, report } from "./findings.ts";
import { judge } from "./judge.ts";
import { knownLater, type Resource, readInferenceService, readModel, subjectOf } from "./manifest.ts";
import { kindOf } from "./resource-types.ts";

// A pack's process lives for one operation, and the engine shows it each resource once. What an InferenceService is judged
// by is in its Model, which comes first if the service depends on it, as LlmModel makes it.

/** Models by subject. */
const models = new Map<string, Promise<Examined>>();
/** InferenceServices that came before their Model, by URN. */
const waiting = new Map<string, Resource>();

/** Fields of `InferenceService.spec` that decide whether it fits. */
const DECISIVE =
  /^spec(\.(modelRef|runtime|contextSize|parallelSlots|cacheType\w+|flashAttention|u?[bB]atchSize|speculativeDecoding|extraArgs)\b|$)/;

/**
 * A Model must fit its memory budget as its InferenceServices serve it. It is refused before it is made where its weights
 * alone do not fit; otherwise the service is, with what would fit. A service that does not depend on its Model may come too
 * early for that, and is judged at the end of the preview or update.
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

/** An exception from a policy would fail the whole preview or update with a stack trace; what cannot be checked is refused. */
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
  // What is faulty in itself is memory-budget-valid's to say.
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
  if (reading.state === "pending") return remark(knownLater(subject, reading.unknown));
  const later = reading.unknown.filter((path) => DECISIVE.test(path));
  if (later.length > 0) return remark(knownLater(subject, later));

  const { metadata, spec } = reading.manifest;
  const served = await modelFor(resource, subject, subjectOf("Model", metadata.namespace, spec.modelRef));
  if (!("facts" in served)) return served;
  const drafting = draftModelRef(spec);
  if (drafting === undefined) return judge(served.facts, undefined, subject, reading.manifest, config);
  const draft = await modelFor(resource, subject, subjectOf("Model", metadata.namespace, drafting));
  return "facts" in draft ? judge(served.facts, draft.facts, subject, reading.manifest, config) : draft;
}

/** What is known of a Model that the service needs, or what its absence means for the service. */
async function modelFor(resource: Resource, subject: string, modelSubject: string): Promise<ReadyModel | Findings> {
  const model = await models.get(modelSubject);
  if (model === undefined) return wait(resource, subject, modelSubject);
  if (model.state === "refused") return refusal(`${subject} cannot be served: ${firstLine(model.why)}`);
  return model.state === "ready" ? model : {};
}

type ReadyModel = Extract<Examined, { state: "ready" }>;

function wait(resource: Resource, subject: string, modelSubject: string): Findings {
  // At the end: the Model is not in this stack, which was said when the service came.
  if (waiting.has(resource.urn)) return {};
  waiting.set(resource.urn, resource);
  const remedy = "Let it depend on its Model to have it checked before it is made.";
  return remark(
    `${subject}: ${modelSubject} has not come before it, so it is checked at the end, if at all. ${remedy}`,
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

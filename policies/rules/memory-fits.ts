import { type FitSettings, fitConfig, fitConfigSchema, headerLimits } from "../config.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject } from "../definition.ts";
import { type Examined, examine, findingsOf, type ModelFacts } from "../examine.ts";
import { refusal } from "../findings.ts";
import { headerOf } from "../headers.ts";
import { judge, weightsTooLarge } from "../judge.ts";
import { extraArgs } from "./extra-args.ts";
import { memoryBudgetValid } from "./memory-budget-valid.ts";
import { serviceFaults } from "./service-faults.ts";

const examined = new WeakMap<ModelSubject, Promise<Examined>>();

/**
 * A Model must fit its memory budget with the settings of its InferenceServices. The policy refuses the Model if its
 * weights alone do not fit, and otherwise the service, and says what would fit. A service that does not depend on its
 * Model may come before it; then it is judged at the end of the preview or update.
 */
export const memoryFits = defineRule({
  name: "memory-fits",
  title: "Model fits its memory budget",
  description: "A model must fit its memory budget.",
  remedy:
    "Choose a smaller context, a quantized KV cache, a larger budget or a smaller quantization; the report says which of them would fit.",
  severity: "critical",
  tags: ["memory", "budget"],
  level: "mandatory",
  config: fitConfigSchema,
  reportsFaultsOf: "InferenceService",
  reads: {
    model: /^spec\.(source|format|files|mmproj|hardware)\b/,
    service:
      /^spec\.(modelRef|runtime|contextSize|parallelSlots|cacheType\w+|flashAttention|u?[bB]atchSize|speculativeDecoding|extraArgs)\b|^metadata\.annotations.*llmkube\.dev\/prompt-cache/,
  },

  foresee(sources, settings) {
    // What comes of it is reported with the Model.
    for (const source of sources) headerOf(source, headerLimits(settings)).catch(() => {});
  },

  async checkModel(model, settings, peers) {
    const found = await examineOnce(model, settings);
    // An address that is none, or a budget that is none, has been refused as such.
    if (found.state === "refused" && peers.refused(memoryBudgetValid.name, model)) return {};
    if (found.state !== "ready") return findingsOf(found);
    if (mayFit(found.facts)) return {};
    return refusal(weightsTooLarge(found.facts, fitConfig(settings)));
  },

  checkService: (service) => ({ refusals: serviceFaults(service) }),

  async checkServed({ service, model, draft }, settings, peers) {
    const found = await Promise.all(
      [model, ...(draft === undefined ? [] : [draft])].map((each) => examineOnce(each, settings)),
    );
    // What is wrong with a Model was reported for it.
    const facts = found.flatMap((each) => (each.state === "ready" && mayFit(each.facts) ? [each.facts] : []));
    const [own, drafting] = facts;
    if (own === undefined || facts.length < found.length) return {};
    const { extraArgs: args, ...spec } = service.spec;
    const judged = peers.refused(extraArgs.name, service) ? spec : { ...spec, extraArgs: args };
    return judge(own, drafting, { ...service, spec: judged }, fitConfig(settings));
  },
});

function mayFit({ weightsBytes, budget }: ModelFacts): boolean {
  return weightsBytes <= budget.bytes;
}

/** A Model is examined for itself and for each of its services, by one configuration. */
function examineOnce(model: ModelSubject, settings: FitSettings): Promise<Examined> {
  const examining = examined.get(model) ?? examine(model, fitConfig(settings));
  examined.set(model, examining);
  return examining;
}

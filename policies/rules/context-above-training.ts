import * as z from "zod";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { readFacts } from "../../memory/estimate/facts.ts";
import { defineRule } from "../define.ts";
import { refusal } from "../findings.ts";

/** Beyond the context that it was trained with, a model answers, and badly. */
export const contextAboveTraining = defineRule({
  name: "context-above-training",
  title: "Context is within the training",
  description: "A request's context must not be longer than the model was trained with.",
  remedy: "Lower contextSize, or set ropeScaling if the model's publisher names it for longer contexts.",
  severity: "medium",
  tags: ["context", "quality"],
  level: "advisory",
  config: z.strictObject({
    times: z
      .number()
      .gt(0)
      .lte(64)
      .describe(
        "How many times the trained context one slot may have, above 0 and at most 64. Defaults to 1: no more than the training.",
      )
      .default(1),
  }),
  reads: { model: /^spec\.source\b/, service: /^spec\.(contextSize|parallelSlots|ropeScaling)\b/ },

  async checkServed({ service, model }, { times }) {
    const {
      contextSize = SERVER_DEFAULTS.contextSize,
      parallelSlots = SERVER_DEFAULTS.parallelSlots,
      ropeScaling,
    } = service.spec;
    if (ropeScaling !== undefined) return {};
    const header = await model.header();
    const facts = header.ok ? readFacts(header.value) : header;
    // What cannot be read or understood is memory-fits' to report.
    if (!facts.ok || facts.value.trainedContext === undefined) return {};
    const { trainedContext } = facts.value;
    const most = Math.floor(trainedContext * times);
    const slot = Math.floor(contextSize / parallelSlots);
    if (slot <= most) return {};
    const share = parallelSlots === 1 ? "" : ` for each of ${parallelSlots} slots`;
    return refusal(
      `${service.label}: spec.contextSize gives ${slot} tokens${share}, but ${model.label} was trained with ${trainedContext} (its header says so)` +
        `${times === 1 ? "" : `, of which ${times} times are allowed`}. What would fit: spec.contextSize of ${most * parallelSlots}.`,
    );
  },
});

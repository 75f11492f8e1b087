import * as z from "zod";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { defineRule } from "../define.ts";
import type { ServiceSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = z.strictObject({
  minTokens: z
    .int()
    .min(128)
    .max(1_048_576)
    .describe(
      "The least context of one slot, in tokens, from 128 to 1048576. Default: 2048, what a service without settings has. Tool calls" +
        " and agents need 8192 or more.",
    )
    .default(SERVER_DEFAULTS.contextSize),
});

/** llama-server divides contextSize among the slots, so more slots make each request shorter. */
export const contextPerSlot = defineRule({
  name: "context-per-slot",
  title: "Context of one slot",
  description: "Each slot of a chat service must have enough context for a conversation.",
  remedy: "Raise contextSize, which all slots share, or lower parallelSlots.",
  severity: "medium",
  tags: ["context"],
  level: "advisory",
  config,
  examples: {
    bad: { service: { modelRef: "gemma", contextSize: 4096, parallelSlots: 8 } },
    good: { service: { modelRef: "gemma", contextSize: 32_768, parallelSlots: 8 } },
  },
  checkService,
});

function checkService(service: ServiceSubject, { minTokens }: z.output<typeof config>): Findings {
  const { mode = "chat", contextSize, parallelSlots } = service.spec;
  const notes = notYetKnown(service, ["mode", "contextSize", "parallelSlots"]);
  // A passage to embed or to rank is short.
  if (notes.length > 0 || mode !== "chat") return { notes };
  const context = contextSize ?? SERVER_DEFAULTS.contextSize;
  const slots = parallelSlots ?? SERVER_DEFAULTS.parallelSlots;
  const perSlot = Math.floor(context / slots);
  if (perSlot >= minTokens) return {};
  const total = `spec.contextSize ${context}${contextSize === undefined ? ", the default" : ""}`;
  const divided =
    slots === 1
      ? `has ${perSlot} tokens of context (${total})`
      : `gives each of its ${slots} slots ${perSlot} tokens (${total}, divided among spec.parallelSlots ${slots})`;
  const fewer = Math.floor(context / minTokens);
  const orSlots = slots > 1 && fewer >= 1 ? `, or spec.parallelSlots ${fewer}` : "";
  return refusal(
    `${service.label} ${divided}. A chat needs at least ${minTokens} (minTokens in the configuration of context-per-slot).\n` +
      `What would be enough: spec.contextSize ${minTokens * slots}${orSlots}.`,
  );
}

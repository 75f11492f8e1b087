import * as z from "zod";
import { ON_DEMAND_ANNOTATIONS, parseOnDemand } from "../../api/on-demand.ts";
import { defineRule } from "../define.ts";
import type { ServiceSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";

const IDLE = `metadata.annotations["${ON_DEMAND_ANNOTATIONS.idleUnload}"]`;

/**
 * What a service says about the gateway of its Mac, as annotations. LlmModel refuses bad values of its arguments too. Whether a prompt cache
 * has room is for memory-fits to tell, which counts it in the need.
 */
export const onDemand = defineRule({
  name: "on-demand",
  title: "Loading on demand is valid",
  description: "What a service says about unloading, aliases, the prompt cache and saved conversations must be valid.",
  remedy:
    "Set idleUnload to a duration such as 10m or to never, promptCache to auto, off, or a quantity such as 2Gi, and savedSlots to auto or off.",
  severity: "medium",
  tags: ["memory", "gateway"],
  level: "mandatory",
  config: z.strictObject({}),
  reads: {
    service:
      /^(metadata(\.annotations)?$|metadata\.annotations.*llmkube\.dev\/(idle-unload|model-aliases|prompt-cache|saved-slots)|spec\.evictionProtection\b)/,
  },
  examples: {
    bad: {
      service: { modelRef: "gemma", evictionProtection: true },
      annotations: { [ON_DEMAND_ANNOTATIONS.idleUnload]: "10m" },
    },
    good: {
      service: { modelRef: "gemma" },
      annotations: { [ON_DEMAND_ANNOTATIONS.idleUnload]: "10m", [ON_DEMAND_ANNOTATIONS.aliases]: "gpt-4o" },
    },
  },
  checkService,
});

function checkService({ label, annotations, spec }: ServiceSubject): Findings {
  const asked = parseOnDemand(annotations);
  if (!asked.ok) return refusal(`${label}: ${asked.error}.`);
  const { idleUnloadMs } = asked.value;
  if (spec.evictionProtection !== true || idleUnloadMs === undefined || idleUnloadMs === "never") return {};
  const idle = annotations[ON_DEMAND_ANNOTATIONS.idleUnload];
  return refusal(
    `${label}: ${IDLE} is ${idle}, but spec.evictionProtection keeps it in memory, so that it never unloads: leave one of them out.`,
  );
}

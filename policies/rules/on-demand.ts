import { totalmem } from "node:os";
import type * as z from "zod";
import { MiB } from "../../api/bytes.ts";
import { ON_DEMAND_ANNOTATIONS, parseOnDemand } from "../../api/on-demand.ts";
import { formatBytes } from "../../api/quantity.ts";
import { describeBudget, resolveBudget } from "../../memory/budget.ts";
import { budgetConfigSchema } from "../config.ts";
import { defineRule } from "../define.ts";
import type { ServedSubject, ServiceSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { needOf } from "../fleet/need.ts";
import { headerOf } from "../headers.ts";

const IDLE = `metadata.annotations["${ON_DEMAND_ANNOTATIONS.idleUnload}"]`;
const CACHE = `metadata.annotations["${ON_DEMAND_ANNOTATIONS.promptCache}"]`;

/** What a service says about the gateway of its Mac, as annotations. LlmModel refuses bad values of its arguments too. */
export const onDemand = defineRule({
  name: "on-demand",
  title: "Loading on demand is valid",
  description:
    "What a service says about unloading, aliases and the prompt cache must be valid, and go with its budget.",
  remedy:
    "Set idleUnload to a duration such as 10m or to never, and promptCache to auto, off, or a quantity that the budget leaves above the need.",
  severity: "medium",
  tags: ["memory", "gateway"],
  level: "mandatory",
  config: budgetConfigSchema,
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
  checkServed,
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

/** Memory that is not known, or does not even hold the model, is for memory-fits to tell. */
async function checkServed(
  served: ServedSubject,
  { hostMemory }: z.output<typeof budgetConfigSchema>,
): Promise<Findings> {
  const { service, model, draft } = served;
  const asked = parseOnDemand(service.annotations);
  if (!asked.ok || typeof asked.value.promptCache !== "number") return {};
  const isPartlyKnown = [service, model, draft].some((each) => each?.unknown.some((path) => /^spec\b/.test(path)));
  if (isPartlyKnown) return {};
  // The checkpoints beside a cache count with the smallest one too.
  const annotations = { ...service.annotations, [ON_DEMAND_ANNOTATIONS.promptCache]: "1Mi" };
  const need = await needOf({ ...served, service: { ...service, annotations } }, headerOf);
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  const budget = resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes: hostMemory ?? totalmem() });
  if (need.state !== "known" || need.partly !== undefined || !budget.ok) return {};
  const needBytes = need.bytes - MiB;
  const left = budget.value.bytes - needBytes;
  if (left < 0 || asked.value.promptCache <= left) return {};
  const sizes = [asked.value.promptCache, needBytes].map(formatBytes);
  const largest = Math.floor(left / MiB);
  return refusal(
    [
      `${service.label}: ${CACHE} is ${service.annotations[ON_DEMAND_ANNOTATIONS.promptCache]}, too much beside the need of the model: ${sizes.join(" + ")}, ${describeBudget(budget.value)}.`,
      `What would fit: auto, which takes what is left${largest >= 1 ? `, or up to ${largest}Mi` : ""}.`,
    ].join("\n"),
  );
}

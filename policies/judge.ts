import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import { formatBytes } from "../api/quantity.ts";
import { advise } from "../memory/advice.ts";
import { adviceText } from "../memory/advice-text.ts";
import { exceedsAllocatable, resolveAllocatable, resolveDeclaredMac } from "../memory/allocatable.ts";
import { describeBudget } from "../memory/budget.ts";
import { partLabel } from "../memory/estimate/parts.ts";
import { PROJECTOR_BOUND } from "../memory/estimate/projector.ts";
import type { Estimate, EstimateSettings, KnownEstimate } from "../memory/estimate/types.ts";
import { decideFit } from "../memory/fit.ts";
import { estimateWhole, type Served } from "../memory/served.ts";
import { DEFAULT_SETTINGS } from "../serving/default-settings.ts";
import { neededSettings } from "../serving/needed-settings.ts";
import { askedWithoutEffect } from "../serving/prompt-cache.ts";
import type { FitConfig } from "./config.ts";
import { findingsOf, type ModelFacts, unlessAllowed } from "./examine.ts";
import { type Findings, type Note, refusal } from "./findings.ts";

/** A service with all that its memory depends on. */
export interface JudgedService {
  /** As `InferenceService default/gemma`. */
  readonly label: string;
  readonly spec: InferenceServiceSpec;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Whether a Model fits its budget with the settings of one InferenceService. A refusal says in a few lines how much is
 * needed, how much is allowed and why, and what would fit.
 * @param draft its draft Model
 */
export function judge(
  model: ModelFacts,
  draft: ModelFacts | undefined,
  service: JudgedService,
  config: FitConfig,
): Findings {
  const { label: subject, spec } = service;
  if (spec.runtime !== "llamacpp") {
    const what = `${subject}: spec.runtime is ${spec.runtime}, but only llamacpp can be estimated`;
    return findingsOf(unlessAllowed("onUnknownArchitecture", config, what));
  }
  const settings = neededSettings(service, model.backend);
  if (!settings.ok) return refusal(`${subject}: ${settings.error}`);
  const served = { header: model.header, mmproj: model.mmproj, draft: draft?.header };
  const estimated = estimateWhole(served, settings.value);
  if (!estimated.ok) return refusal(`${subject}: ${estimated.error}`);

  const need = estimated.value;
  const { fits, message } = decideFit(need, model.budget);
  const tooLarge = fits ? tooLargeForHost(need, model, config) : undefined;
  if (tooLarge !== undefined) return refusal(`${model.subject} does not fit: ${tooLarge}`);
  if (fits) {
    const notes = need.notes.filter((text) => text !== PROJECTOR_BOUND);
    const cache = askedWithoutEffect(served, settings.value, service.annotations);
    return { notes: [...notes, ...(cache === undefined ? [] : [cache])].map((text) => noteOf(subject, text)) };
  }
  if (need.confidence === "unknown") {
    return findingsOf(unlessAllowed("onUnknownArchitecture", config, `${model.subject}: ${message}`));
  }
  const lines = [
    `${model.subject} does not fit: ${message}`,
    breakdown(need, settings.value),
    adviceText(advise(served, settings.value, model.budget.bytes), settings.value),
    ...withoutDraft(served, settings.value, model),
    ...assumption(model, config),
  ];
  return refusal(lines.join("\n"));
}

/** What the estimate notes, and a policy of its own reports with a remedy. */
const REPORTED_BY: ReadonlyArray<readonly [note: RegExp, policy: string]> = [
  [
    /^the context of \d+ tokens is longer than the \d+ tokens that the model was trained with$/,
    "context-above-training",
  ],
  [/^Metal has no flash attention for /, "cache-type-fast-path"],
];

function noteOf(subject: string, what: string): Note {
  const text = `${subject}: ${what}.`;
  const policy = REPORTED_BY.find(([note]) => note.test(what))?.[1];
  return policy === undefined ? text : { text, unlessRefusedBy: policy };
}

/** A line where a model would fit if nothing drafted for it. */
function withoutDraft(served: Served, settings: EstimateSettings, { budget }: ModelFacts): readonly string[] {
  if (served.draft === undefined) return [];
  const { draftTokens: _none, ...alone } = settings;
  const need = estimateWhole({ ...served, draft: undefined }, alone);
  if (!need.ok || !decideFit(need.value, budget).fits || need.value.confidence === "unknown") return [];
  return [
    `Without spec.speculativeDecoding.draftModelRef it fits with these settings, in ${formatBytes(need.value.totalBytes)}, and answers more slowly.`,
  ];
}

/** The refusal of a Model whose weights alone are more than its budget, whoever serves it. */
export function weightsTooLarge(model: ModelFacts, config: FitConfig): string {
  const { subject, weightsBytes, budget, header, mmproj, backend } = model;
  const settings: EstimateSettings = { ...DEFAULT_SETTINGS, backend };
  const advice = adviceText(advise({ header, mmproj }, settings, budget.bytes), settings);
  return [
    `${subject} does not fit: its weights alone are ${formatBytes(weightsBytes)}, ${describeBudget(budget)}.`,
    `${advice} This is for a service with default settings.`,
    ...assumption(model, config),
  ].join("\n");
}

/** What the agent of that Mac would say, where the configuration names one. */
function tooLargeForHost(need: Estimate, { backend }: ModelFacts, config: FitConfig): string | undefined {
  if (need.confidence === "unknown" || config.assumed) return undefined;
  const { hostMemory: physicalMemoryBytes, agentMemoryFraction: agentFraction, reserve: reserveBytes } = config;
  const mac = { physicalMemoryBytes, agentFraction, reserveBytes };
  const allocatable = backend === "metal" ? resolveDeclaredMac(mac) : resolveAllocatable({ ...mac, backend });
  return allocatable.ok ? exceedsAllocatable(need.totalBytes, allocatable.value) : allocatable.error;
}

/** `Needed: weights 4.3 GiB + KV cache 4.0 GiB + ..., with a context of 32768 tokens, 1 slot and an f16/f16 cache.` */
function breakdown(need: KnownEstimate, settings: EstimateSettings): string {
  const parts = Object.entries(need.parts).filter(([, bytes]) => bytes > 0);
  const sum = parts.map(([part, bytes]) => `${partLabel(part)} ${formatBytes(bytes)}`).join(" + ");
  const slots = settings.parallel === 1 ? "1 slot" : `${settings.parallel} slots`;
  const cache = `${settings.cacheTypeK}/${settings.cacheTypeV} cache`;
  return `Needed: ${sum}, with a context of ${settings.contextSize} tokens, ${slots}, ${cache}.`;
}

function assumption({ budget }: ModelFacts, { assumed }: FitConfig): readonly string[] {
  if (!assumed || budget.totalBytes === undefined) return [];
  const total = formatBytes(budget.totalBytes);
  return [
    `${total} is the memory of this machine; if the model runs on another one, set hostMemory in the configuration of memory-fits.`,
  ];
}

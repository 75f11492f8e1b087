import { formatBytes } from "../api/quantity.ts";
import { type Failure, type FailureKind, failIn, type Result } from "../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { type Budget, describeBudget, resolveBudget } from "../memory/budget.ts";
import { BACKENDS, type Backend, type EstimateSettings } from "../memory/estimate/types.ts";
import { decideFit } from "../memory/fit.ts";
import { estimateWhole, readServed, type Served } from "../memory/served.ts";
import { DEFAULT_SETTINGS } from "../serving/default-settings.ts";
import { unservedModel } from "../serving/settings.ts";
import { type FitConfig, headerLimits } from "./config.ts";
import type { KnownModelSpec, ModelSubject } from "./definition.ts";
import { type Findings, refusal, remark } from "./findings.ts";
import { headerOf } from "./headers.ts";
import { unknownInPreview } from "./manifest.ts";
import { sourceName } from "./rules/address.ts";

/** What memory-fits finds out about a Model, before it knows how the Model is served. */
export type Examined = { readonly state: "ready"; readonly facts: ModelFacts } | Undecided;

export type Undecided =
  /** It must not be served. */
  | { readonly state: "refused"; readonly why: string }
  /** Whether it fits cannot be told here, and that is allowed. */
  | { readonly state: "unchecked"; readonly why: string };

export interface ModelFacts {
  /** `Model default/gemma`. */
  readonly subject: string;
  readonly header: GgufHeader;
  /** Of its projector, where it has one. */
  readonly mmproj: GgufHeader | undefined;
  readonly weightsBytes: number;
  readonly backend: Backend;
  readonly budget: Budget;
}

const DEFAULT_ACCELERATOR = "cpu";

/** Any valid settings: weights and architecture do not depend on them. */
const ANY_SETTINGS: EstimateSettings = { ...DEFAULT_SETTINGS, backend: "metal" };

/** Reads the header of the Model's weights, once for each source; never rejects. */
export async function examine({ label: subject, spec }: ModelSubject, config: FitConfig): Promise<Examined> {
  const { source } = spec;
  if (source === undefined) return { state: "unchecked", why: unknownInPreview(subject, ["spec.source"]) };
  const backend = BACKENDS.find((known) => known === acceleratorOf(spec));
  if (backend === undefined) return { state: "unchecked", why: memoryOfItsOwn(subject, spec) };
  const unserved = unservedModel(spec);
  if (unserved !== undefined) return unlessAllowed("onUnknownArchitecture", config, `${subject}: ${unserved}`);
  const budget = budgetOf(spec, config);
  if (!budget.ok) return { state: "refused", why: `${subject}: spec.hardware.${budget.error}` };
  const { hint } = budget.value;
  if (hint !== undefined) return { state: "refused", why: `${subject}: spec.hardware.${hint}` };

  const served = await readHeaders(source, spec.mmproj, config);
  if (!served.ok) return unreadable(subject, source, budget.value, served, config);
  const { header, mmproj } = served.value;
  const estimated = estimateWhole({ header }, ANY_SETTINGS);
  if (!estimated.ok) return { state: "refused", why: notUnderstood(subject, source, estimated.error) };
  const { confidence, weightsBytes } = estimated.value;
  if (confidence === "unknown") {
    const { message } = decideFit(estimated.value, budget.value);
    return unlessAllowed("onUnknownArchitecture", config, `${subject}: ${message}`);
  }
  return { state: "ready", facts: { subject, header, mmproj, weightsBytes, backend, budget: budget.value } };
}

/** Of the model and its projector; what drafts for it is a Model of its own. */
function readHeaders(source: string, mmproj: string | undefined, config: FitConfig): Promise<Result<Served>> {
  const model = { source, what: "its header" };
  const projector = mmproj === undefined ? undefined : { source: mmproj, what: "its projector's header" };
  return readServed({ model, mmproj: projector }, async (file) => {
    const header = await headerOf(file.source, headerLimits(config));
    return header.ok ? header : failIn(`${file.what} cannot be read`, header);
  });
}

function notUnderstood(subject: string, source: string, error: string): string {
  return `${subject}: the header of ${sourceName(source)} is not that of a whole model: ${error}`;
}

/** What is wrong wherever it is read. The other kinds may be those of this machine, and a Mac may still serve the model. */
const WRONG_EVERYWHERE: ReadonlySet<FailureKind> = new Set(["invalid", "internal"]);

function unreadable(subject: string, source: string, budget: Budget, failure: Failure, config: FitConfig): Undecided {
  const { kind, error } = failure;
  const why = `${subject}: whether it fits is not known, because ${error}`;
  if (WRONG_EVERYWHERE.has(kind)) return { state: "refused", why };
  const declared = config.sizes[source];
  if (declared === undefined) return unlessAllowed("onUnreachable", config, why);
  const weights = `${formatBytes(declared)} (declared in sizes)`;
  if (declared > budget.bytes) {
    const fault = `${subject} does not fit: its weights alone are ${weights}, ${describeBudget(budget)}.`;
    return {
      state: "refused",
      why: `${fault}\nWhat would fit: a larger budget, or a smaller quantization of the model.`,
    };
  }
  const checked = `its weights alone are ${weights}, within the ${describeBudget(budget)}`;
  return { state: "unchecked", why: `${subject}: ${checked}; the rest of its need is not known, because ${error}.` };
}

/** What cannot be told is refused unless the configuration lets it pass. */
export function unlessAllowed(
  setting: "onUnreachable" | "onUnknownArchitecture",
  config: FitConfig,
  what: string,
): Undecided {
  if (config[setting] === "warn") return { state: "unchecked", why: what };
  const remedy = `To let it pass unchecked, set ${setting} to "warn" in the configuration of memory-fits.`;
  const size =
    "If only this machine cannot read it, give the size of the file in sizes of the configuration of memory-fits.";
  const first = setting === "onUnreachable" ? `${what}. ${size}` : what;
  return { state: "refused", why: `${first}\n${remedy}` };
}

export function findingsOf({ state, why }: Undecided): Findings {
  return state === "refused" ? refusal(why) : remark(why);
}

function memoryOfItsOwn(subject: string, spec: KnownModelSpec): string {
  return (
    `${subject}: accelerator ${acceleratorOf(spec)} has memory of its own, so memory-fits does not check whether the model fits;` +
    " it checks accelerator metal and cpu only, which share the memory of a Mac."
  );
}

/** An absolute budget is not capped by a host's memory that is only assumed: memory-budget-valid says that it would be. */
function budgetOf({ hardware }: KnownModelSpec, config: FitConfig): Result<Budget> {
  const { memoryBudget, memoryFraction } = hardware ?? {};
  const hostMemoryBytes = config.assumed && memoryBudget !== undefined ? undefined : config.hostMemory;
  return resolveBudget({ memoryBudget, memoryFraction, agentFraction: config.agentMemoryFraction, hostMemoryBytes });
}

function acceleratorOf({ hardware }: KnownModelSpec): string {
  return hardware?.accelerator ?? DEFAULT_ACCELERATOR;
}

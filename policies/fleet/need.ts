import { formatBytes } from "../../api/quantity.ts";
import { fail, failIn, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { largestContext } from "../../memory/advice.ts";
import { describeBudget, resolveBudget } from "../../memory/budget.ts";
import { BACKENDS, type Backend, type EstimateSettings } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import { estimateWhole, readServed, type Served } from "../../memory/served.ts";
import { neededSettings } from "../../serving/needed-settings.ts";
import { unservedModel } from "../../serving/settings.ts";
import type { KnownModelSpec, ServedSubject } from "../definition.ts";

/** Reads the header of a source, once, however often it is asked. */
export type HeaderReader = (source: string) => Promise<Result<GgufHeader>>;

/** What one replica of a service needs. */
export type Need =
  | {
      readonly state: "known";
      /** Whole bytes, at least 1. */
      readonly bytes: number;
      readonly backend: Backend;
      /** The largest context in tokens that needs no more than so many bytes; undefined: none. */
      readonly contextFor: (bytes: number) => number | undefined;
      /** One clause, where `bytes` is less than the whole need: why the rest is not known. */
      readonly partly?: string;
    }
  /** It runs on other hardware, whose memory is its own. */
  | { readonly state: "elsewhere" }
  /** One clause: why it may not run, whatever room there is. */
  | { readonly state: "refused"; readonly why: string }
  /** One clause: why nobody knows. */
  | { readonly state: "unknown"; readonly why: string };

/**
 * Never rejects, unless `read` does.
 *
 * @param sizes in bytes by source: what a person says of files that cannot be read here
 */
export async function needOf(
  subject: ServedSubject,
  read: HeaderReader,
  sizes: Readonly<Record<string, number>> = {},
): Promise<Need> {
  const { model, draft } = subject;
  const accelerator = model.spec.hardware?.accelerator ?? "cpu";
  const backend = BACKENDS.find((known) => known === accelerator);
  if (backend === undefined) return { state: "elsewhere" };
  const settings = settingsOf(subject, backend);
  if (!settings.ok) return { state: "unknown", why: settings.error };
  const { source, mmproj } = model.spec;
  const drafting = draft?.spec.source;
  if (source === undefined || (draft !== undefined && drafting === undefined)) {
    return { state: "unknown", why: "spec.source is not known yet and will be read during the update" };
  }
  const files = { model: source, mmproj, draft: drafting };
  const served = await readServed(files, async (source) => {
    const header = await read(source);
    return header.ok ? header : failIn("its header cannot be read", header);
  });
  if (!served.ok) {
    const declared = served.kind === "invalid" ? undefined : sizes[source];
    return declared === undefined
      ? { state: "unknown", why: served.error }
      : needOfDeclared(declared, served.error, model.spec, backend);
  }
  return needOfServed(served.value, settings.value, model.spec, backend);
}

/** At least the weights: what has no room for them has none for the model. */
function needOfDeclared(bytes: number, why: string, { hardware }: KnownModelSpec, backend: Backend): Need {
  const budget =
    hardware?.memoryBudget === undefined ? undefined : resolveBudget({ memoryBudget: hardware.memoryBudget });
  if (budget?.ok && bytes > budget.value.bytes) {
    const weights = `its weights alone are ${formatBytes(bytes)} (declared in sizes)`;
    return { state: "refused", why: `${weights}, ${describeBudget(budget.value)}` };
  }
  return { state: "known", bytes, backend, contextFor: () => undefined, partly: why };
}

function needOfServed(
  served: Served,
  settings: EstimateSettings,
  { hardware }: KnownModelSpec,
  backend: Backend,
): Need {
  const estimated = estimateWhole(served, settings);
  if (!estimated.ok) return { state: "refused", why: estimated.error };
  const need = estimated.value;
  if (need.confidence === "unknown") {
    return { state: "unknown", why: need.notes.join("; ") || "there is no rule for this model" };
  }
  const memoryBudget = hardware?.memoryBudget;
  const budget = memoryBudget === undefined ? undefined : resolveBudget({ memoryBudget });
  if (budget?.ok === false) return { state: "refused", why: budget.error };
  const fit = budget && decideFit(need, budget.value);
  if (fit?.fits === false) return { state: "refused", why: fit.message };
  return {
    state: "known",
    bytes: need.totalBytes,
    backend,
    contextFor: (bytes) => largestContext(served, settings, bytes),
  };
}

function settingsOf({ service, model, draft }: ServedSubject, backend: Backend): Result<EstimateSettings> {
  const { runtime } = service.spec;
  if (runtime !== "llamacpp") return fail(`spec.runtime is ${runtime}, but only llamacpp can be estimated`);
  for (const one of [model, draft]) {
    const unserved = one && unservedModel(one.spec);
    if (unserved !== undefined) return fail(unserved);
  }
  return neededSettings(service, backend);
}

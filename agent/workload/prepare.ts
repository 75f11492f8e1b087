import { isDeepStrictEqual } from "node:util";
import type { PromptCache } from "../../api/on-demand.ts";
import type { Failure } from "../../api/result.ts";
import { advise } from "../../memory/advice.ts";
import { adviceText } from "../../memory/advice-text.ts";
import type { Budget } from "../../memory/budget.ts";
import { canSplitInputs } from "../../memory/estimate/inputs.ts";
import { isTableForGpu } from "../../memory/estimate/loading.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import { type Rereads, rereadsOf, withQuantity } from "../../memory/prompt-cache.ts";
import { slotCopyOf } from "../../memory/saved-slots.ts";
import { estimateWhole, lookAtServed, type Served } from "../../memory/served.ts";
import { CACHE_RAM, type ModelPaths, missingDraftOption, placesTable } from "../llama-server/flags.ts";
import type { ServerView } from "../llama-server/installed.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import type { StoredModel } from "../store/stored.ts";
import type { LookAtHeader } from "./headers.ts";
import { type ModelFile, servedFiles, sourcesOf } from "./model-files.ts";
import type { Workload } from "./workload.ts";
import type { WorkloadId } from "./workload-id.ts";

/** How far everything is that a start needs, apart from memory that others hold. */
export type Preparation =
  | { readonly stage: "reading"; readonly message: string }
  | Refused
  | ({ readonly stage: "fetching"; readonly message: string } & Need)
  | ({ readonly stage: "failed"; readonly message: string } & Failing & Need)
  | ({ readonly stage: "ready"; readonly paths: ModelPaths } & Need);

/** `kind` is not set where nothing failed and the model is merely too large. */
type Refused = { readonly stage: "refused"; readonly reason: string; readonly message: string } & Failing &
  Partial<Need>;

type Failing = Partial<Pick<Failure, "kind" | "retryAfterMs">>;

/** The estimate, in bytes, what it is the sum of, and what the prompt cache depends on. */
export interface Need {
  readonly estimateBytes: number;
  readonly estimateParts: Readonly<Record<string, number>>;
  /** What a prompt cache needs besides itself. */
  readonly rereads?: Rereads;
  /** What a server holds twice while it saves or restores a conversation, in bytes. */
  readonly slotCopyBytes?: number;
}

export interface ModelAccess {
  /** The llama-server that a start would run. What cannot be started with it now is no reason to stop what runs. */
  readonly server: () => ServerView;
  /** Asks it anew what it supports, after it refused one of its flags. */
  readonly doubtServer: () => void;
  readonly header: LookAtHeader;
  /** `fetch`: begin a download that has not begun. `revision`: as of `header`. */
  readonly stored: (file: ModelFile, intent: "look" | "fetch", revision?: string) => StoredModel;
}

/** What a preparation asks for. */
export type PrepareAccess = Omit<ModelAccess, "doubtServer">;

/** Whether a model fits its own budget: the estimate, or why it is refused. */
export type CheckFit = (served: Served, settings: EstimateSettings, budget: Budget) => Need | Refused;

/** The headers first, wherever they are: what does not fit is refused before a byte is downloaded. */
export function prepare(workload: Workload, access: PrepareAccess, check: CheckFit = checkFit): Preparation {
  const server = access.server();
  if (server.state === "asking") return { stage: "reading", message: server.message };
  if (server.state === "unusable")
    return { stage: "refused", reason: "LlamaServerUnusable", ...failedWith(server.failure) };
  const unsupported = unsupportedOption(workload, server.options);
  if (unsupported !== undefined)
    return { stage: "refused", reason: "InvalidSpec", message: unsupported, kind: "unsupported" };
  const revision = revisionOf(workload);
  let slow: string | undefined;
  const served = lookAtServed(servedFiles(workload), (file) => {
    const local = access.stored(file, "look");
    const view = local.state === "looking" ? local : headerOf(file, local, access, revision);
    if (view.state === "read") return view.header;
    slow ??= view.message;
    return undefined;
  });
  if (served === undefined) return { stage: "reading", message: slow ?? "reading the model's header" };
  if (!served.ok) return checkFailed(served);
  const need = check(served.value, settingsToFit(workload, server.options), workload.budget);
  if ("stage" in need) return need;
  const fetched = fetchAll(workload, need, access);
  if (fetched.stage !== "ready") return fetched;
  return { ...fetched, paths: { ...fetched.paths, ...readFromHeader(workload, served.value) } };
}

function readFromHeader({ fields }: Workload, { header }: Served): Pick<ModelPaths, "tableForGpu" | "splitsInputs"> {
  return {
    ...(isTableForGpu(header) && { tableForGpu: true }),
    ...(fields.mode !== "chat" && canSplitInputs(header, fields.settings) && { splitsInputs: true }),
  };
}

/** The settings that a start with this llama-server would use: what it does not support is not estimated. */
export function estimatedSettings({ fields }: Pick<Workload, "fields">, options: SupportedFlags): EstimateSettings {
  return placesTable(fields, options) ? { ...fields.settings, tableOnGpu: true } : fields.settings;
}

function settingsToFit(workload: Workload, options: SupportedFlags): EstimateSettings {
  const settings = estimatedSettings(workload, options);
  return withQuantity(settings, cacheOf(workload, options));
}

/** The prompt cache that is asked for, where this llama-server and this kind of model can have one. */
export function cacheOf(
  { fields, onDemand }: Pick<Workload, "fields" | "onDemand">,
  options: Pick<SupportedFlags, "has">,
): PromptCache {
  return fields.mode === "chat" && options.has(CACHE_RAM) ? onDemand.promptCache : "off";
}

function headerOf(file: ModelFile, local: StoredModel, { header }: PrepareAccess, revision: string) {
  return header(local.state === "ready" ? local.path : file.source, revision);
}

/** Changes when a person changes what is to be served, or its budget. */
function revisionOf({ specHash, budget }: Workload): string {
  return `${specHash} ${budget.bytes}`;
}

/** `prepare`, with the estimate and the advice of each workload kept until its headers, settings or budget change. */
export interface Preparer {
  readonly prepare: (workload: Workload) => Preparation;
  /** Forgets all others. */
  readonly keepOnly: (ids: ReadonlySet<WorkloadId>) => void;
}

interface Checked {
  readonly served: Served;
  readonly settings: EstimateSettings;
  readonly budget: Budget;
  readonly need: Need | Refused;
}

export function preparer(access: PrepareAccess, check: CheckFit = checkFit): Preparer {
  const known = new Map<WorkloadId, Checked>();
  return {
    prepare: (workload) =>
      prepare(workload, access, (served, settings, budget) => {
        const before = known.get(workload.id);
        if (before !== undefined && isSame(before, served, settings, budget)) return before.need;
        const need = check(served, settings, budget);
        known.set(workload.id, { served, settings, budget, need });
        return need;
      }),
    keepOnly: (ids) => {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    },
  };
}

/** Headers are compared by identity: one that was read again is another one. */
function isSame(before: Checked, served: Served, settings: EstimateSettings, budget: Budget): boolean {
  return (
    before.served.header === served.header &&
    before.served.mmproj === served.mmproj &&
    before.served.draft === served.draft &&
    isDeepStrictEqual(before.settings, settings) &&
    isDeepStrictEqual(before.budget, budget)
  );
}

function checkFit(served: Served, settings: EstimateSettings, budget: Budget): Need | Refused {
  const estimate = estimateWhole(served, settings);
  if (!estimate.ok) return checkFailed(estimate);
  const { reason, message, fits } = decideFit(estimate.value, budget);
  if (estimate.value.confidence === "unknown") return { stage: "refused", reason, message, kind: "unsupported" };
  const { totalBytes: estimateBytes, parts: estimateParts } = estimate.value;
  const rereads = rereadsOf(served, settings);
  const slotCopyBytes = slotCopyOf(served, estimateParts);
  const need: Need = { estimateBytes, estimateParts, ...(rereads && { rereads }), slotCopyBytes };
  if (fits) return need;
  const advice = adviceText(advise(served, settings, budget.bytes), settings);
  return { stage: "refused", reason, message: `${message}. ${advice}`, ...need };
}

function checkFailed(failure: Failure): Refused {
  return { stage: "refused", reason: "MemoryCheckFailed", ...failedWith(failure) };
}

function failedWith(failure: Failure): { readonly message: string } & Failing {
  return { message: failure.error, ...failing(failure) };
}

function failing({ kind, retryAfterMs }: Failure): Failing {
  return { kind, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** All at once; ready when the last of them is. */
function fetchAll(workload: Workload, need: Need, { stored }: PrepareAccess): Preparation {
  const files = servedFiles(workload);
  const fetch = (file: ModelFile) => stored(file, "fetch", revisionOf(workload));
  const model = fetch(files.model);
  const mmproj = files.mmproj && fetch(files.mmproj);
  const draft = files.draft && fetch(files.draft);
  if (
    model.state === "ready" &&
    (mmproj === undefined || mmproj.state === "ready") &&
    (draft === undefined || draft.state === "ready")
  ) {
    const beside = { ...(mmproj && { mmproj: mmproj.path }), ...(draft && { draft: draft.path }) };
    return { stage: "ready", paths: { model: model.path, ...beside }, ...need };
  }
  for (const found of [model, mmproj, draft]) {
    if (found?.state !== "failed") continue;
    return { stage: "failed", ...failedWith(found.failure), ...need };
  }
  const slow = [model, mmproj, draft].find((found) => found?.state === "looking");
  if (slow?.state === "looking" && slow.message !== undefined) {
    return { stage: "reading", message: slow.message };
  }
  const working = [model, mmproj, draft].find((found) => found?.state === "working");
  return { stage: "fetching", message: working?.state === "working" ? working.message : "waiting", ...need };
}

/** Why this llama-server cannot be started as the manifests ask, as a sentence; undefined if it can. */
function unsupportedOption(workload: Workload, options: SupportedFlags): string | undefined {
  const { fields } = workload;
  const unknown = fields.extraArgs.find((arg) => /^--?[a-z]/i.test(arg) && !options.has(arg));
  if (unknown !== undefined) return `spec.extraArgs: this llama-server does not support ${unknown}: remove it`;
  const missing = missingDraftOption(sourcesOf(workload), fields, options);
  return missing === undefined
    ? undefined
    : `spec.speculativeDecoding: this llama-server does not support ${missing}: update llama.cpp`;
}

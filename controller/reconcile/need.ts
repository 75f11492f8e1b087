import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { type Failure, fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { EstimateSettings, KnownEstimate } from "../../memory/estimate/types.ts";
import { estimateWhole, lookAtServed, type Served, type ServedFiles } from "../../memory/served.ts";
import { neededSettings } from "../../serving/needed-settings.ts";
import { unservedModel } from "../../serving/settings.ts";
import { settingsHash } from "../../serving/settings-hash.ts";
import type { HeaderBook } from "../headers/book.ts";
import type { HeaderFile } from "../headers/source.ts";
import { keptEstimate } from "../plan/estimate.ts";

/** A service and the Models that it names, all of them readable. */
export interface Joined {
  readonly service: InferenceService;
  readonly model: Model;
  readonly draft?: Model | undefined;
}

/** What one replica of a service needs, as far as it is known. */
export type NeedView =
  | { readonly state: "known"; readonly estimate: KnownEstimate; readonly settings: EstimateSettings }
  | { readonly state: "reading" }
  /** `againInMs`: when a header is tried again. */
  | {
      readonly state: "refused";
      readonly reason: "InvalidSpec" | "MemoryCheckFailed";
      readonly message: string;
      readonly againInMs?: number | undefined;
    };

/** The settings that a service's servers run with on a Mac; fails on a field that cannot be served. */
export function settingsOf({ service, model, draft }: Joined): Result<EstimateSettings> {
  for (const one of [model, draft]) {
    const unserved = one && unservedModel(one.spec);
    if (one !== undefined && unserved !== undefined) return fail(`Model ${one.metadata.name}: ${unserved}`);
  }
  return neededSettings({ spec: service.spec, annotations: service.metadata.annotations }, "metal");
}

/**
 * The estimate that the Deployment was made with, where its settings are still those of the manifests: a restart reads no header. Else by
 * the headers.
 */
export function needOf(
  joined: Joined,
  deployment: KubeObject | undefined,
  headers: HeaderBook,
  waiter: string,
): NeedView {
  const settings = settingsOf(joined);
  if (!settings.ok) return { state: "refused", reason: "InvalidSpec", message: settings.error };
  const { service, model, draft } = joined;
  const kept = deployment && keptEstimate(deployment, settingsHash(service, model, draft));
  if (kept !== undefined) return { state: "known", estimate: kept, settings: settings.value };
  const served = servedOf(joined, headers, waiter);
  if (served.state !== "read") return served;
  const estimate = estimateWhole(served.served, settings.value);
  if (!estimate.ok) return { state: "refused", reason: "InvalidSpec", message: estimate.error };
  if (estimate.value.confidence !== "unknown") {
    return { state: "known", estimate: estimate.value, settings: settings.value };
  }
  const why = estimate.value.notes.join("; ") || "there is no rule for this model";
  return { state: "refused", reason: "MemoryCheckFailed", message: `the memory need is unknown (${why})` };
}

export type ServedView =
  | { readonly state: "read"; readonly served: Served }
  | Exclude<NeedView, { readonly state: "known" }>;

/** The headers of a service's files; those that are not known are being read, and wake `waiter`. */
export function servedOf(joined: Joined, headers: HeaderBook, waiter: string): ServedView {
  let againInMs: number | undefined;
  const served = lookAtServed(filesOf(joined), (file) => {
    const view = headers.look(file, waiter, revisionOf(joined));
    if (view.state === "read") return ok(view.header);
    if (view.state === "reading") return undefined;
    againInMs = Math.min(againInMs ?? Number.POSITIVE_INFINITY, view.againInMs ?? Number.POSITIVE_INFINITY);
    return view.failure satisfies Failure;
  });
  if (served === undefined) return { state: "reading" };
  if (served.ok) return { state: "read", served: served.value };
  const again = againInMs !== undefined && Number.isFinite(againInMs) ? { againInMs } : {};
  return { state: "refused", reason: "MemoryCheckFailed", message: served.error, ...again };
}

function filesOf({ model, draft }: Joined): ServedFiles<HeaderFile> {
  const { source, mmproj } = model.spec;
  return {
    model: { source },
    ...(mmproj !== undefined && { mmproj: { source: mmproj } }),
    ...(draft !== undefined && { draft: { source: draft.spec.source } }),
  };
}

/** Another one after each change by a person. */
function revisionOf({ service, model, draft }: Joined): string {
  return [service, model, draft].map((one) => `${one?.metadata.uid}/${one?.metadata.generation}`).join();
}

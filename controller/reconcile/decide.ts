import type { InferenceService } from "../../api/inferenceservice.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";
import { keyOf } from "../../kube/keys.ts";
import type { KnownEstimate } from "../../memory/estimate/types.ts";
import { draftModelRef } from "../../serving/speculation.ts";
import type { HeaderBook } from "../headers/book.ts";
import { admitService } from "../plan/admission.ts";
import { childNames } from "../plan/owned.ts";
import { type ModelView as JudgedModel, scopeOf } from "../plan/scope.ts";
import type { Fleet } from "../watch/fleet.ts";
import type { ServiceView } from "../watch/manifest-view.ts";
import { type Joined, needOf, servedOf } from "./need.ts";

/** What is to become of a service. */
export type Decision =
  /** Another runtime, or another accelerator: nothing of it is ours. */
  | { readonly kind: "not ours" }
  /** Something is being read; a wake-up follows. */
  | { readonly kind: "waiting"; readonly message: string }
  | ({ readonly kind: "refused" } & Refusal)
  | { readonly kind: "admitted"; readonly joined: Joined; readonly estimate: KnownEstimate };

export interface Refusal {
  readonly reason: string;
  readonly message: string;
  /** Only a person can change it. */
  readonly isPersons: boolean;
  /** Another Mac could change it. */
  readonly dependsOnFleet: boolean;
  /** When it is worth another look, without an event. */
  readonly againInMs?: number | undefined;
}

export function refusal(reason: string, message: string, more: Partial<Refusal> = {}): Refusal {
  return { reason, message, isPersons: true, dependsOnFleet: false, ...more };
}

/**
 * Decides by what is known now, and asks for headers that are not.
 *
 * @param waiter is woken when a header has been read
 */
export function decide(view: ServiceView, fleet: Fleet, headers: HeaderBook, waiter: string): Decision {
  if (!view.manifest.ok) return { kind: "refused", ...refusal("InvalidSpec", view.manifest.error) };
  const service = view.manifest.value;
  const scope = scopeOf({ service, ...modelsOf(service, fleet) });
  if (scope.kind === "not ours") return scope;
  if (scope.kind === "incomplete") return { kind: "refused", ...refusal(scope.reason, scope.message) };
  const joined: Joined = { service, model: scope.model, draft: scope.draft };
  const need = needOf(joined, deploymentOf(service, fleet), headers, waiter);
  if (need.state === "reading") return READING;
  if (need.state === "refused") {
    const { reason, message, againInMs } = need;
    return { kind: "refused", ...refusal(reason, message, { isPersons: reason === "InvalidSpec", againInMs }) };
  }
  const estimate = ok(need.estimate);
  const { model } = scope;
  // Of a thousand Macs few sizes are looked at, unless it fits none.
  const quick = admitService({ model, estimate, macs: fleet.macSizes() });
  if (quick.kind === "admitted") return { kind: "admitted", joined, estimate: quick.estimate };
  // What would fit is found with the headers, which nothing but advice needs here.
  const served = servedOf(joined, headers, waiter);
  if (served.state === "reading") return READING;
  const advice = served.state === "read" ? { served: served.served, settings: need.settings } : undefined;
  const advised = admitService({ model, estimate, macs: fleet.macs.list(), advice });
  if (advised.kind === "admitted") return { kind: "admitted", joined, estimate: advised.estimate };
  const { reason, message, dependsOnFleet } = advised;
  return { kind: "refused", ...refusal(reason, message, { dependsOnFleet }) };
}

const READING: Decision = { kind: "waiting", message: "the header of the model is being read" };

function modelsOf({ metadata, spec }: InferenceService, fleet: Fleet): { model: JudgedModel; draft?: JudgedModel } {
  const look = (name: string): JudgedModel => {
    const view = fleet.models.get(keyOf({ namespace: metadata.namespace, name }));
    if (view === undefined) return "absent";
    return view.manifest.ok ? view.manifest.value : "unreadable";
  };
  const draft = draftModelRef(spec);
  return { model: look(spec.modelRef), ...(draft !== undefined && { draft: look(draft) }) };
}

/** The Deployment of the name that a service's own has, whoever it belongs to. */
export function deploymentOf(service: InferenceService, fleet: Fleet): KubeObject | undefined {
  const { namespace } = service.metadata;
  return fleet.deployments.get(keyOf({ namespace, name: childNames(service).deployment }));
}

/** Names of the Models of a service, whether they exist or not. */
export function modelKeys({ namespace, manifest }: ServiceView): Result<readonly string[]> {
  if (!manifest.ok) return fail(manifest.error);
  const { spec } = manifest.value;
  const names = [spec.modelRef, draftModelRef(spec)].filter((name) => name !== undefined);
  return ok(names.map((name) => keyOf({ namespace, name })));
}

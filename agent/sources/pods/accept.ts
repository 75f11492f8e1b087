import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Model } from "../../../api/model.ts";
import { settingsHash } from "../../../serving/settings-hash.ts";
import { draftModelRef } from "../../../serving/speculation.ts";
import type { PodClaim, PodRefusal } from "./claim.ts";

/**
 * What is known of an object by its name.
 *
 * - `unheard`: the API server has not yet said whether it exists.
 * - `absent`: it has said that it does not.
 * - `unreadable`: it exists, and this agent cannot read it.
 */
export type Known<T> =
  | { readonly is: "known"; readonly value: T; readonly uid: string }
  | { readonly is: "unheard" | "absent" }
  | { readonly is: "unreadable"; readonly problem: string };

/** The reason of a workload about which the API server has not said enough: nothing is known that a person would want to hear. */
export const UNHEARD = "Unheard";

export type Acceptance =
  | {
      readonly is: "accepted";
      readonly service: InferenceService;
      readonly model: Model;
      readonly draft: Model | undefined;
    }
  /** It is not to run here. */
  | ({ readonly is: "refused" } & PodRefusal)
  /** Nothing is started for it, and a server that runs goes on. */
  | ({ readonly is: "undecided" } & PodRefusal);

/** What the API server says, by `namespace/name`. */
export interface Lookup {
  readonly service: (name: string) => Known<InferenceService>;
  readonly model: (name: string) => Known<Model>;
}

/**
 * Whether an InferenceService stands behind a pod. A server is started only while its pod was made for the settings that the manifests
 * have: else the controller is about to replace the pod, and whatever ran for it would end again at once.
 */
export function acceptPod(claim: PodClaim, { service: lookService, model: lookModel }: Lookup): Acceptance {
  const name = `${claim.namespace}/${claim.service}`;
  const what = `InferenceService ${name}`;
  const service = lookService(name);
  if (service.is === "absent") return refused("InferenceServiceNotFound", `${what} does not exist`);
  if (service.is !== "known") return undecided(what, service);
  if (service.uid !== claim.serviceUid) {
    return refused("InferenceServiceNotFound", `its ${what} was deleted, and another one has that name`);
  }
  const { spec } = service.value;
  const model = modelOf(`${claim.namespace}/${spec.modelRef}`, "modelRef", lookModel);
  if (model.is !== "known") return model.acceptance;
  const drafting = draftModelRef(spec);
  const draft =
    drafting === undefined ? undefined : modelOf(`${claim.namespace}/${drafting}`, "draftModelRef", lookModel);
  if (draft !== undefined && draft.is !== "known") return draft.acceptance;
  const manifests = { service: service.value, model: model.value, draft: draft?.value };
  if (settingsHash(manifests.service, manifests.model, manifests.draft) !== claim.settings) {
    const message = "its pod is of other settings than its InferenceService has now; the controller rolls out";
    return { is: "undecided", reason: "OtherSettings", message };
  }
  return { is: "accepted", ...manifests };
}

type Found = { readonly is: "known"; readonly value: Model } | { readonly is: "not"; readonly acceptance: Acceptance };

/** A Model that is deleted under a server does not end it: that its settings are gone is no sign that nobody wants it. */
function modelOf(name: string, field: string, look: Lookup["model"]): Found {
  const model = look(name);
  if (model.is === "known") return { is: "known", value: model.value };
  const what = `Model ${name}`;
  if (model.is !== "absent") return { is: "not", acceptance: undecided(what, model) };
  const message = `${field} names ${what}, which does not exist`;
  return { is: "not", acceptance: { is: "undecided", reason: "ModelNotFound", message } };
}

function refused(reason: string, message: string): Acceptance {
  return { is: "refused", reason, message };
}

function undecided(what: string, known: Exclude<Known<unknown>, { readonly is: "known" | "absent" }>): Acceptance {
  if (known.is === "unreadable") return { is: "undecided", reason: "Unreadable", message: known.problem };
  return { is: "undecided", reason: UNHEARD, message: `the API server has not yet told about ${what}` };
}

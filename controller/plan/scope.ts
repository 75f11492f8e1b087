import { GROUP } from "../../api/constants.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { unservedModel } from "../../serving/settings.ts";
import { draftModelRef } from "../../serving/speculation.ts";

/** A Model as far as it is known: `absent` where the cluster has none of that name, `unreadable` where its manifest cannot be parsed. */
export type ModelView = Model | "absent" | "unreadable";

export type Scope =
  /** It is served on Macs, and everything that it needs is there. */
  | { readonly kind: "ours"; readonly model: Model; readonly draft: Model | undefined }
  /** Another runtime, or another accelerator: nothing of it is touched, its status neither. */
  | { readonly kind: "not ours" }
  /**
   * It cannot be served now. What it has already goes on, and nothing new is made. `reason` is `ModelNotFound`, `ModelUnreadable` or
   * `InvalidSpec`.
   */
  | { readonly kind: "incomplete"; readonly reason: string; readonly message: string };

export interface ToJudge {
  readonly service: InferenceService;
  readonly model: ModelView;
  /** The Model that {@link draftModelRef} names; it is not looked at where the service names none. */
  readonly draft?: ModelView | undefined;
  /** Other namespaces that have a Model of the name in `modelRef`, where it is absent; default: not known. */
  readonly elsewhere?: readonly string[] | undefined;
}

/**
 * Whether an InferenceService is served on Macs: its runtime is llamacpp and its Model's accelerator is metal. One whose Model is
 * missing may be ours, and is told so.
 */
export function scopeOf({ service, model, draft, elsewhere = [] }: ToJudge): Scope {
  const { spec, metadata } = service;
  if (spec.runtime !== "llamacpp") return { kind: "not ours" };
  if (typeof model === "string") return missing("modelRef", spec.modelRef, metadata.namespace, model, elsewhere);
  if (model.spec.hardware?.accelerator !== "metal") return { kind: "not ours" };
  const drafting = draftModelRef(spec);
  if (drafting !== undefined && typeof (draft ?? "absent") === "string") {
    return missing("draftModelRef", drafting, metadata.namespace, draft === "unreadable" ? draft : "absent", []);
  }
  const drafted = drafting === undefined || typeof draft === "string" ? undefined : draft;
  const unserved = unservedModel(model.spec) ?? (drafted && unservedModel(drafted.spec));
  if (unserved !== undefined) return { kind: "incomplete", reason: "InvalidSpec", message: `its Model: ${unserved}` };
  return { kind: "ours", model, draft: drafted };
}

function missing(
  field: string,
  name: string,
  namespace: string,
  state: "absent" | "unreadable",
  elsewhere: readonly string[],
): Scope {
  const what = `${field} names Model ${namespace}/${name}`;
  if (state === "unreadable") {
    const message = `${what}, whose manifest cannot be read: see kubectl get models.${GROUP}`;
    return { kind: "incomplete", reason: "ModelUnreadable", message };
  }
  const other = name.includes("/") ? " (a name has no namespace in it)" : "";
  const [first] = elsewhere;
  const hint = first === undefined ? "" : `; there is one in ${first}, but a Model serves its own namespace only`;
  return { kind: "incomplete", reason: "ModelNotFound", message: `${what}, which does not exist${other}${hint}` };
}

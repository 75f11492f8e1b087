import { type Fields, isFields } from "../../api/document.ts";
import { FIELD_MANAGERS } from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { readTolerantly } from "../../api/parse.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";
import { keyOfObject } from "../../kube/keys.ts";

/** What is kept of a Model or InferenceService. */
export interface ManifestView<Manifest> {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly isDeleting: boolean;
  /** Without its status. */
  readonly manifest: Result<Manifest>;
  /** What of the manifest is of a later version, and not acted on. */
  readonly note?: string;
  /** As it is in the cluster. */
  readonly status: Fields;
  /** Whether another controller writes this object's phase and counts: LLMKube's operator. */
  readonly isOthersToo: boolean;
}

export type ServiceView = ManifestView<InferenceService>;
export type ModelView = ManifestView<Model>;

export function serviceView(object: KubeObject): Result<ServiceView> {
  return ok(viewOf(object, (manifest) => (manifest.kind === "InferenceService" ? ok(manifest) : otherKind())));
}

export function modelView(object: KubeObject): Result<ModelView> {
  return ok(viewOf(object, (manifest) => (manifest.kind === "Model" ? ok(manifest) : otherKind())));
}

/** A bad object is kept too, so that its condition can say what is wrong with it. */
function viewOf<Manifest>(
  object: KubeObject,
  narrow: (manifest: Model | InferenceService) => Result<Manifest>,
): ManifestView<Manifest> {
  const { status, ...rest } = object;
  const { managedFields, ...metadata } = object.metadata;
  const read = readTolerantly({ ...rest, metadata });
  const manifest = read.ok ? narrow(read.value.manifest) : read;
  const note = read.ok ? read.value.note : undefined;
  return {
    key: keyOfObject(object),
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    generation: metadata.generation ?? 0,
    isDeleting: metadata.deletionTimestamp !== undefined,
    manifest,
    ...(note !== undefined && { note }),
    status: isFields(status) ? status : {},
    isOthersToo: isWrittenByOthers(managedFields),
  };
}

function otherKind(): Result<never> {
  return fail("it is an object of another kind", "internal");
}

/** What LLMKube's operator writes with plain updates, and what is left to it where it does. */
const OPERATORS_FIELDS = ["f:phase", "f:readyReplicas", "f:endpoint"] as const;

/**
 * Whether another program owns a field of the status that LLMKube's operator writes. Its name is not looked at: forks have others. What a
 * person overwrites with kubectl is taken back.
 */
export function isWrittenByOthers(managedFields: unknown): boolean {
  if (!Array.isArray(managedFields)) return false;
  return managedFields.some((entry: unknown) => {
    if (!isFields(entry) || entry["subresource"] !== "status" || isOursOrPersons(entry["manager"])) return false;
    const fields = isFields(entry["fieldsV1"]) ? entry["fieldsV1"]["f:status"] : undefined;
    return isFields(fields) && OPERATORS_FIELDS.some((field) => Object.hasOwn(fields, field));
  });
}

function isOursOrPersons(manager: unknown): boolean {
  if (typeof manager !== "string") return true;
  return Object.values<string>(FIELD_MANAGERS).includes(manager) || manager.startsWith("kubectl");
}

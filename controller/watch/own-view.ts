import { ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";

/** Objects that the controller applies are kept as they are, but for who wrote which field: that is half of them. */
export function ownView(object: KubeObject): Result<KubeObject> {
  const { managedFields: _fields, ...metadata } = object.metadata;
  return ok({ ...object, metadata });
}

/** `namespace/name` of the InferenceService that owns an object; undefined: it is somebody else's. */
export function serviceKeyOf({ metadata }: KubeObject): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner?.kind === "InferenceService" ? `${metadata.namespace}/${owner.name}` : undefined;
}

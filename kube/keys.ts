import type { KubeObject, ObjectMeta, ObjectRef } from "./client.ts";

/** `namespace/name`, or `name` for objects of the cluster: what goes into queues and maps. */
export function keyOf({ namespace, name }: Pick<ObjectMeta, "namespace" | "name">): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function refOf(key: string): ObjectRef {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function keyOfObject({ metadata }: KubeObject): string {
  return keyOf(metadata);
}

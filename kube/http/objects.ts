import type { KubeObject, KubeResult, ObjectList } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { ResourceKind } from "../kinds.ts";

/** What was sent, where it is an object of Kubernetes. Its name is empty where it has none: a review, a bookmark. */
export function asKubeObject(value: unknown): KubeObject | undefined {
  if (!isRecord(value)) return undefined;
  const metadata = value["metadata"] ?? {};
  if (!isRecord(metadata)) return undefined;
  const name = metadata["name"] ?? "";
  if (typeof name !== "string") return undefined;
  return typeof metadata["name"] === "string"
    ? (value as unknown as KubeObject)
    : { ...value, metadata: { ...metadata, name } };
}

/** Items of a list lack both fields, those of a watch have them. */
export function withKind(object: KubeObject, { group, version, kind }: ResourceKind): KubeObject {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object;
  return { ...object, apiVersion: group === "" ? version : `${group}/${version}`, kind };
}

export function objectOf(answer: unknown, kind: ResourceKind, what: string): KubeResult<KubeObject> {
  const object = asKubeObject(answer);
  if (object === undefined) return failed("unavailable", `${what}: the answer is no object of Kubernetes`);
  return succeeded(withKind(object, kind));
}

export function listOf(answer: unknown, kind: ResourceKind, what: string): KubeResult<ObjectList> {
  const list = asKubeObject(answer);
  const given = list?.["items"] ?? [];
  const resourceVersion = list?.metadata.resourceVersion;
  if (!Array.isArray(given) || typeof resourceVersion !== "string") {
    return failed("unavailable", `${what}: the answer is no list of Kubernetes`);
  }
  const items = given.map(asKubeObject).filter((item) => item !== undefined && item.metadata.name !== "");
  if (items.length !== given.length) return failed("unavailable", `${what}: the list has items without a name`);
  const next = list?.metadata["continue"];
  return succeeded({
    items: (items as KubeObject[]).map((item) => withKind(item, kind)),
    resourceVersion,
    continue: typeof next === "string" && next !== "" ? next : undefined,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { isProperties, type Properties, type Value } from "../values.ts";
import { identify } from "./manifest.ts";
import { isAutonamed } from "./naming.ts";
import { groupOf } from "./scope.ts";

export type ChangeKind = "add" | "delete" | "update";
export interface Change {
  path: readonly (string | number)[];
  kind: ChangeKind;
  replaces: boolean;
}

/**
 * Properties that cannot change in place, as in pulumi-kubernetes' diff.go (the kinds that a stack of models renders).
 */
const REPLACED_BY: Readonly<Record<string, readonly string[]>> = {
  "/ConfigMap": ["data", "binaryData"],
  "/Secret": ["type", "data", "stringData"],
  "apps/DaemonSet": ["spec.selector"],
  "apps/Deployment": ["spec.selector"],
  "apps/StatefulSet": ["spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"],
  "batch/Job": ["spec.completions", "spec.selector", "spec.template"],
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "storage.k8s.io/StorageClass": ["parameters", "provisioner"],
};
const ALWAYS_REPLACED = ["metadata.name", "metadata.namespace"];

function collect(before: Value | undefined, after: Value | undefined, path: Change["path"], changes: Change[]): void {
  if (isProperties(before) && isProperties(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of keys) collect(before[key], after[key], [...path, key], changes);
  } else if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    for (let index = 0; index < length; index++) collect(before[index], after[index], [...path, index], changes);
  } else if (before === undefined && after !== undefined) {
    changes.push({ path, kind: "add", replaces: false });
  } else if (after === undefined && before !== undefined) {
    changes.push({ path, kind: "delete", replaces: false });
  } else if (before !== after) {
    changes.push({ path, kind: "update", replaces: false });
  }
}

/** All differences between two plain (unwrapped) inputs of one resource. */
export function changesBetween(before: Properties, after: Properties): Change[] {
  const { apiVersion, kind } = identify(after);
  const immutable = [...ALWAYS_REPLACED, ...(REPLACED_BY[`${groupOf(apiVersion)}/${kind}`] ?? [])];
  const changes: Change[] = [];
  collect(before, after, [], changes);
  return changes.map((change) => ({
    ...change,
    replaces: immutable.some((path) => path.split(".").every((segment, index) => change.path[index] === segment)),
  }));
}

/** An object that is replaced under the same name must be deleted first, because both have the same file. */
export function deletesBeforeReplace(before: Properties, after: Properties): boolean {
  const [old, successor] = [identify(before), identify(after)];
  const sameName = successor.name !== "" && old.name === successor.name && old.namespace === successor.namespace;
  return sameName && !isAutonamed(after);
}

/** The engine's property path grammar: `spec.ports[0]["a.b"]`. */
export function pathText(path: Change["path"]): string {
  return path.reduce<string>((text, segment) => {
    if (typeof segment === "number") return `${text}[${segment}]`;
    if (/[.[\]"]/.test(segment)) return `${text}[${JSON.stringify(segment)}]`;
    return text === "" ? segment : `${text}.${segment}`;
  }, "");
}

import type { KubeResult, Selection } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { ResourceKind } from "../kinds.ts";

export interface Target {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/**
 * The path of an object, or of all of a kind. A name that is none would lead to another path, so it is refused: it may come from an
 * annotation that anybody wrote.
 */
export function pathOf(kind: ResourceKind, { namespace, name, subresource }: Target): KubeResult<string> {
  if (kind.namespaced && name !== undefined && namespace === undefined) {
    return failed("invalid", `a ${kind.kind} has a namespace, and none is named for "${name}"`);
  }
  const within = kind.namespaced && namespace !== undefined ? ["namespaces", namespace] : [];
  const parts = [...within, kind.plural, ...(name === undefined ? [] : [name]), ...(subresource ?? "").split("/")];
  const segments = subresource === undefined ? parts.slice(0, -1) : parts;
  const wrong = segments.find((segment) => !/^(?!\.{1,2}$)[^/%\s]+$/.test(segment));
  if (wrong !== undefined) return failed("invalid", `${JSON.stringify(wrong)} is no name of a ${kind.kind}`);
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  return succeeded([root, ...segments.map(encodeURIComponent)].join("/"));
}

/** `pods/status default/llama`: the words of `kubectl auth can-i`. */
export function describe(kind: ResourceKind, { namespace, name, subresource }: Target): string {
  const group = kind.group === "" ? "" : `.${kind.group}`;
  const resource = `${kind.plural}${group}${subresource === undefined ? "" : `/${subresource}`}`;
  if (name === undefined) return namespace === undefined ? resource : `${resource} in ${namespace}`;
  return `${resource} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export function queryOf(query: Query): string {
  const set = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) set.append(key, String(value));
  return set.size === 0 ? "" : `?${set}`;
}

export function selectionQuery({ labelSelector, fieldSelector }: Selection): Query {
  return { labelSelector, fieldSelector };
}

import * as pulumi from "@pulumi/pulumi";
import type { Path } from "../../api/schema-walk.ts";

/** A value that is not available yet. Nothing here depends on what it resolves to. */
export type Unknown = pulumi.Output<Resolved> | Promise<Resolved>;
type Resolved = string | number | boolean | object | undefined;

/**
 * A copy of `value` with every output and promise in it, at whatever depth, replaced by `replace`, and without members of objects that
 * are null: to Pulumi null is absent. What resolves to an object counts as one value; its parts have no paths of their own.
 */
export function mapUnknown(value: unknown, replace: (value: Unknown, path: Path) => unknown, path: Path = []): unknown {
  if (isUnknown(value)) return replace(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapUnknown(item, replace, [...path, index]));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([key, member]) => [key, mapUnknown(member, replace, [...path, key])]),
  );
}

export function isUnknown(value: unknown): value is Unknown {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

/** A resource is no data: its outputs lead to every other resource. */
function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !pulumi.Resource.isInstance(value);
}

/** `value`, or what takes its place where it is absent, or turns out to be. */
export function withDefault<T extends string | number>(
  value: pulumi.Input<T | undefined> | undefined,
  fallback: T,
): pulumi.Input<T> {
  if (value instanceof Promise) return value.then((known) => (known ?? fallback) as T);
  if (isUnknown(value)) return pulumi.output(value).apply((known) => (known ?? fallback) as T);
  return value ?? fallback;
}

import * as pulumi from "@pulumi/pulumi";
import type { Path } from "../api/schema-walk.ts";

/** A value that is not available yet. Nothing here depends on what it resolves to. */
export type Unknown = pulumi.Output<Resolved> | Promise<Resolved>;
type Resolved = string | number | boolean | object | undefined;

/**
 * A copy of `value` with every output and promise in it, at whatever depth, replaced by `replace`. What resolves to an
 * object counts as one value; its parts have no paths of their own.
 */
export function mapUnknown(value: unknown, replace: (value: Unknown, path: Path) => unknown, path: Path = []): unknown {
  if (isUnknown(value)) return replace(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapUnknown(item, replace, [...path, index]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, mapUnknown(member, replace, [...path, key])]),
  );
}

function isUnknown(value: unknown): value is Unknown {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

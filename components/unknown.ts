import * as pulumi from "@pulumi/pulumi";
import type { Path } from "../api/schema-walk.ts";

/** A value that a program hands over before it is there. Nothing here looks into what it resolves to. */
export type Later = pulumi.Output<Resolved> | Promise<Resolved>;
type Resolved = string | number | boolean | object | undefined;

/**
 * A copy of `value` with every output and promise in it, at whatever depth, replaced by `replace`. What resolves to an
 * object is one value: its parts have no paths of their own.
 */
export function mapLater(value: unknown, replace: (value: Later, path: Path) => unknown, path: Path = []): unknown {
  if (isLater(value)) return replace(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapLater(item, replace, [...path, index]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, mapLater(member, replace, [...path, key])]),
  );
}

function isLater(value: unknown): value is Later {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

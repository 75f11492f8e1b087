import type * as z from "zod";
import { fail, ok, type Result } from "./result.ts";
import { memberSchema, type Path } from "./schema-walk.ts";

/** Far more than any real manifest has, and few enough to walk in milliseconds. */
const MAX_DEPTH = 64;
const MAX_VALUES = 100_000;

/** An object in a document whose fields have not been checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Fails on a document that cannot be a manifest: it is nested too deeply, it has too many values (YAML aliases repeat them), or it
 * has a key that would change the object that holds it. A recursion over a document that passes is safe.
 *
 * @param isLeaf whether to look at a value as a whole, and not into it; by default at none
 */
export function bounded(document: unknown, isLeaf: (value: unknown) => boolean = () => false): Result<unknown> {
  const open: Array<{ value: unknown; depth: number }> = [{ value: document, depth: 0 }];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    values += 1;
    if (values > MAX_VALUES) return fail(`it must have at most ${MAX_VALUES} values, aliases counted`);
    if (depth > MAX_DEPTH) return fail(`it must be nested at most ${MAX_DEPTH} levels deep`);
    if (typeof value !== "object" || value === null || isLeaf(value)) continue;
    if (Object.hasOwn(value, "__proto__")) return fail('it must have no field "__proto__"');
    for (const member of Object.values(value)) open.push({ value: member, depth: depth + 1 });
  }
  return ok(document);
}

/**
 * The value without known fields that are null: to the API server a null field is an absent one. What the schema does not
 * know stays as it is: unknown fields, which are refused, and opaque types.
 */
export function withoutNulls(value: unknown, schema: z.core.$ZodType | undefined): unknown {
  if (schema === undefined) return value;
  if (Array.isArray(value)) return value.map((item, index) => withoutNulls(item, memberSchema(schema, index)));
  if (!isFields(value)) return value;
  const members = Object.entries(value).map(([key, member]) => [key, member, memberSchema(schema, key)] as const);
  return Object.fromEntries(
    members
      .filter(([, member, known]) => member !== null || known === undefined)
      .map(([key, member, known]) => [key, withoutNulls(member, known)]),
  );
}

/** A copy of the value without the fields at `paths`, of which there are few. */
export function withoutFields(value: unknown, paths: readonly Path[]): unknown {
  if (paths.length === 0) return value;
  const below = (key: PropertyKey) =>
    paths.filter((path) => path.length > 1 && path[0] === key).map((path) => path.slice(1));
  if (Array.isArray(value)) return value.map((item, index) => withoutFields(item, below(index)));
  if (!isFields(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !paths.some((path) => path.length === 1 && path[0] === key));
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutFields(member, below(key))]));
}

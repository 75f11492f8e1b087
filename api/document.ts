import { fail, ok, type Result } from "./result.ts";

/** Far beyond any manifest, and small enough to walk in a few milliseconds. */
const MAX_DEPTH = 64;
const MAX_VALUES = 100_000;

/** An object of a document, none of whose fields is known yet. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The document without fields that are null: to the API server a null field is an absent one. Fails on what no manifest
 * can be: nested or repeated (YAML aliases) beyond bounds, or with a key that would change the object that holds it.
 */
export function normalised(document: unknown): Result<unknown> {
  const open: Array<{ value: unknown; depth: number }> = [{ value: document, depth: 0 }];
  let values = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    values += 1;
    if (values > MAX_VALUES) return fail(`it must have at most ${MAX_VALUES} values, aliases counted`);
    if (depth > MAX_DEPTH) return fail(`it must be nested at most ${MAX_DEPTH} levels deep`);
    if (typeof value !== "object" || value === null) continue;
    if (Object.hasOwn(value, "__proto__")) return fail('it must have no field "__proto__"');
    for (const member of Object.values(value)) open.push({ value: member, depth: depth + 1 });
  }
  return ok(withoutNulls(document));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const present = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(present.map(([key, member]) => [key, withoutNulls(member)]));
}

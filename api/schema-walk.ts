import * as z from "zod";

/** A label key with its domain has at most 317 characters. */
const LONGEST_KEY = 317;

/** Object keys and list indices from the root of a document to a value in it. */
export type Path = readonly PropertyKey[];

/** The schema inside of `optional` and `default`. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap());
  return schema;
}

/** The schema of one member of an object, list or map; undefined inside opaque types and for fields that do not exist. */
export function memberSchema(schema: z.core.$ZodType | undefined, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject)
    return Object.hasOwn(schema.shape, key) ? unwrap(schema.shape[String(key)]) : undefined;
  if (schema instanceof z.ZodArray) return unwrap(schema.element);
  return schema instanceof z.ZodRecord ? unwrap(schema.valueType) : undefined;
}

export function schemaAt(root: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>(memberSchema, unwrap(root));
}

/** The paths of all fields below `root`, a field before those inside of it; `[]` stands for the items of a list. */
export function fieldPaths(root: z.core.$ZodType, path: readonly string[] = []): ReadonlyArray<readonly string[]> {
  const schema = unwrap(root);
  if (schema instanceof z.ZodArray) return fieldPaths(schema.element, [...path, "[]"]);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, field]) => {
    const here = [...path, key];
    return [here, ...fieldPaths(field, here)];
  });
}

/** `spec.hardware.gpu.resourceClaims[0].name`, and `metadata.labels["example.com/team"]` for a key that is not a plain word. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    const name = String(key);
    if (name === "[]") return `${text}[]`;
    if (name.length > LONGEST_KEY) return `${text}[${JSON.stringify(`${name.slice(0, LONGEST_KEY)}…`)}]`;
    if (!/^\w+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

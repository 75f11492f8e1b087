import * as z from "zod";

/** Of a label, with its domain, there are at most 317 characters. */
const LONGEST_KEY = 317;

/** Object keys and list indices from the root of a document to a value in it. */
export type Path = readonly PropertyKey[];

/** The schema without what makes it optional or gives it a default. */
export function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return bare(schema.unwrap());
  return schema;
}

/** The schema of the value at `path`; undefined inside carried types and below fields that do not exist. */
export function schemaAt(root: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = bare(root);
  for (const key of path) {
    if (schema instanceof z.ZodObject) schema = schema.shape[String(key)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else return undefined;
    if (schema === undefined) return undefined;
    schema = bare(schema);
  }
  return schema;
}

/** Paths of all fields below `root`, nearest first in each object; `[]` stands for the items of a list. */
export function fieldPaths(root: z.core.$ZodType, path: readonly string[] = []): ReadonlyArray<readonly string[]> {
  const schema = bare(root);
  if (schema instanceof z.ZodArray) return fieldPaths(schema.element, [...path, "[]"]);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, field]) => {
    const here = [...path, key];
    return [here, ...fieldPaths(field, here)];
  });
}

/** `spec.hardware.gpu.resourceClaims[0].name`, and `metadata.labels["example.com/team"]` where a key is no plain word. */
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

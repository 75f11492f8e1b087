import { closest, distance } from "fastest-levenshtein";
import * as z from "zod";
import { fieldPaths, type Path, pathText, schemaAt, unwrap } from "./schema-walk.ts";

const LONGEST_SHOWN = 80;
const MOST_FIELDS_LISTED = 12;
/** The share of a name's letters that may differ in a misspelling of it. */
const MAX_MISSPELT_SHARE = 0.4;
/** The same for a name that belongs to another object. */
const MAX_MISSPELT_SHARE_ELSEWHERE = 0.2;

/**
 * What is wrong with a document, as one clause: the field's path, what it held and what would be right. An unknown field
 * comes first, because it is often the reason why another field is missing.
 */
export function explain(root: z.core.$ZodType, document: unknown, issues: readonly z.core.$ZodIssue[]): string {
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  if (issue === undefined) return "it is not valid";
  const others = issues.length - 1;
  const more = others === 0 ? "" : ` (and ${others} more ${others === 1 ? "problem" : "problems"})`;
  return `${clause(root, document, issue)}${more}`;
}

function clause(root: z.core.$ZodType, document: unknown, issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") return unknownField(root, [...issue.path, issue.keys[0] ?? ""]);
  const path = pathText(issue.path);
  if (issue.code === "invalid_key") {
    const record = schemaAt(root, issue.path.slice(0, -1));
    const key = record instanceof z.ZodRecord ? record.keyType : undefined;
    return `${path} is not a key that Kubernetes takes; it must be ${expectation(key)}`;
  }
  const value = valueAt(document, issue.path);
  const wanted = expectation(schemaAt(root, issue.path));
  const expected = `it must be ${wanted}`;
  if (value === undefined) return `${path} is missing; ${expected}`;
  if (issue.code === "custom") {
    return typeof value === "object" ? `${path}: ${issue.message}` : `${path} is ${shown(value)}; ${issue.message}`;
  }
  const length = lengthProblem(issue);
  if (length !== undefined) return `${path} is ${shown(value)}; ${length}`;
  if (issue.code === "invalid_type" && issue.expected === "string" && typeof value !== "object") {
    return `${path} is ${shown(value)}, a ${typeof value}; ${expected}, in quotes`;
  }
  // A list that lost its bracket may be one of keys and their values.
  const held = typeof value === "string" && /^(?:a list|an object)/.test(wanted) ? "text" : shown(value);
  return `${path} is ${held}; ${expected}`;
}

function unknownField(root: z.core.$ZodType, path: Path): string {
  const text = `${pathText(path)} is not a field`;
  const meant = meantField(root, path);
  if (meant !== undefined) return `${text}; did you mean ${meant}?`;
  const siblings = siblingsOf(root, path);
  if (siblings.length <= MOST_FIELDS_LISTED) return `${text}; the fields are ${siblings.join(", ")}`;
  return `${text}, and no field has a similar name; kubectl explain lists the fields`;
}

/**
 * The field that an unknown one was probably meant to be: `memoryBudget` in the same object, or `spec.hardware.memoryBudget`
 * elsewhere, where fewer letters may be wrong because there are many more names.
 */
export function meantField(root: z.core.$ZodType, path: Path): string | undefined {
  const name = String(path.at(-1));
  const sibling = nearest(name, siblingsOf(root, path));
  if (sibling !== undefined || name.length > LONGEST_SHOWN) return sibling;
  const elsewhere = fieldPaths(root);
  const same = elsewhere.find((field) => field.at(-1) === name);
  const near = elsewhere.find((field) => isMisspelling(name, field.at(-1) ?? "", MAX_MISSPELT_SHARE_ELSEWHERE));
  const found = same ?? near;
  return found && pathText(found);
}

function siblingsOf(root: z.core.$ZodType, path: Path): readonly string[] {
  const parent = schemaAt(root, path.slice(0, -1));
  return parent instanceof z.ZodObject ? Object.keys(parent.shape) : [];
}

/** The known name that a misspelt one was probably meant to be, without regard to case. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0 || name.length > LONGEST_SHOWN) return undefined;
  const lower = new Map(names.map((known) => [known.toLowerCase(), known]));
  const found = closest(name.toLowerCase(), [...lower.keys()]);
  return isMisspelling(name, found, MAX_MISSPELT_SHARE) ? lower.get(found) : undefined;
}

function isMisspelling(name: string, known: string, share: number): boolean {
  return distance(name.toLowerCase(), known.toLowerCase()) <= share * Math.min(name.length, known.length);
}

/** What a schema accepts, ending the sentence "it must be ...". */
function expectation(schema: z.core.$ZodType | undefined): string {
  if (schema === undefined) return "left out";
  const json = z.toJSONSchema(unwrap(schema), { target: "openapi-3.0", io: "input" });
  const example = json["example"] === undefined ? "" : `, for example ${json["example"]}`;
  return `${kindOfValue(json)}${example}`;
}

function kindOfValue(json: z.core.JSONSchema.BaseSchema): string {
  const { expected } = json;
  if (typeof expected === "string") return expected;
  if (json.enum !== undefined) {
    const values = json.enum.map(String);
    return values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`;
  }
  if (json.format === "date-time") return "a time such as 2026-01-31T12:00:00Z";
  if (json.type === "integer") return `a whole number${range(json)}`;
  if (json.type === "number") return `a number${range(json)}`;
  if (json.type === "boolean") return "true or false";
  if (json.type === "array") return "a list";
  return json.type === "string" ? "text" : "an object";
}

function range({ minimum, maximum, exclusiveMinimum }: z.core.JSONSchema.BaseSchema): string {
  if (minimum === undefined || maximum === undefined) return "";
  // In OpenAPI 3.0 exclusiveMinimum is a boolean; in newer JSON Schema it is a number.
  return exclusiveMinimum ? ` above ${minimum} and at most ${maximum}` : ` from ${minimum} to ${maximum}`;
}

function lengthProblem(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== "too_big" && issue.code !== "too_small") return undefined;
  const unit = { string: "characters", array: "items" }[issue.origin as string];
  if (unit === undefined) return undefined;
  const bound = issue.code === "too_big" ? `at most ${issue.maximum}` : `at least ${issue.minimum}`;
  return `it must have ${bound} ${unit}`;
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    document,
  );
}

/** A value as JSON for a message: cut short, because a manifest may be long, and without the credentials in URLs. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  // YAML has NaN and Infinity, JSON has neither.
  const text =
    typeof value === "string" ? JSON.stringify(withoutCredentials(value).slice(0, LONGEST_SHOWN + 1)) : String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

/** Without the user and password of addresses. */
export function withoutCredentials(text: string): string {
  // A run is always matched whole, so that a text of megabytes is read once.
  return text
    .replaceAll(/:\/\/[^/@\s]*@/g, "://…@")
    .replaceAll(/[^/@\s]+@?/g, (run) => (namesAPassword(run) ? "…@" : run));
}

/** Whether it is `user:password@`. */
function namesAPassword(run: string): boolean {
  return run.endsWith("@") && run.includes(":") && run.indexOf(":") < run.length - 2;
}

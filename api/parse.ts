import type * as z from "zod";
import { DEFAULT_NAMESPACE, GROUP_VERSION, KINDS, type Kind } from "./constants.ts";
import { bounded, type Fields, isFields, withoutFields, withoutNulls } from "./document.ts";
import { explain, meantField, nearest, shown } from "./explain.ts";
import { type InferenceService, inferenceServiceSchema } from "./inferenceservice.ts";
import { type Model, modelSchema } from "./model.ts";
import { type Failure, fail, ok, type Result } from "./result.ts";
import { fieldPaths, type Path, pathText } from "./schema-walk.ts";

/**
 * Reads one manifest of this API. It applies the defaults, changes nothing else, and refuses unknown fields.
 *
 * Fails with one sentence that names the object, the path of the field, its value and what would be right. `document` is what
 * a YAML or JSON parser returned; the caller must bound its size.
 */
export function parseManifest(document: unknown): Result<Manifest> {
  const checked = checkedDocument(document);
  if (!checked.ok) return checked;
  const { subject, schema, manifest } = checked.value;
  const parsed = schema.safeParse(manifest);
  return parsed.success ? ok(parsed.data) : refused(checked.value, parsed.error.issues, subject);
}

/** A manifest, and one sentence on what of it was left out. */
export interface TolerantlyRead {
  readonly manifest: Manifest;
  readonly note?: string;
}

/**
 * Reads one manifest as {@link parseManifest} does, but leaves out fields that a later version may have brought: unknown ones whose
 * name is far from every name that is known. What may be a misspelt or misplaced field is refused as there.
 */
export function readTolerantly(document: unknown): Result<TolerantlyRead> {
  const checked = checkedDocument(document);
  if (!checked.ok) return checked;
  const { subject, schema, manifest } = checked.value;
  const strict = schema.safeParse(manifest);
  if (strict.success) return ok({ manifest: strict.data });
  const unknown = laterFields(schema, strict.error.issues);
  if (unknown.length === 0) return refused(checked.value, strict.error.issues, subject);
  const known = withoutFields(manifest, unknown);
  const parsed = schema.safeParse(known);
  if (!parsed.success) return refused({ schema, manifest: known }, parsed.error.issues, subject);
  return ok({ manifest: parsed.data, note: `${subject}: ${leftOut(unknown)}` });
}

type Manifest = Model | InferenceService;
type Schema = (typeof SCHEMAS)[Kind];

/** Of one object more fields than these are no later version's. */
const MOST_LATER_FIELDS = 32;
const MOST_FIELDS_NAMED = 8;

/** A document whose kind is known and which is within bounds, with its schema and its name in messages. */
function checkedDocument(document: unknown): Result<{ subject: string; schema: Schema; manifest: unknown }> {
  if (!isFields(document)) {
    const held = document === undefined || document === null ? "empty" : shown(document);
    return fail(`A document is ${held}; it must be a manifest, an object with apiVersion, kind, metadata and spec`);
  }
  const subject = subjectOf(document);
  const kind = kindOf(document);
  if (!kind.ok) return fail(`${subject}: ${kind.error}`);
  const harmless = bounded(document);
  if (!harmless.ok) return fail(`${subject}: ${harmless.error}`);
  const schema = SCHEMAS[kind.value];
  return ok({ subject, schema, manifest: withoutNulls(document, schema) });
}

function refused(
  { schema, manifest }: { readonly schema: Schema; readonly manifest: unknown },
  issues: readonly z.core.$ZodIssue[],
  subject: string,
): Failure {
  return fail(`${subject}: ${explain(schema, manifest, issues)}${otherKindHint(schema, issues)}`);
}

/** Where an unknown field, with no similar name in its own kind, is a field of the other kind: a budget belongs to the Model. */
function otherKindHint(schema: Schema, issues: readonly z.core.$ZodIssue[]): string {
  const issue = issues.find(({ code }) => code === "unrecognized_keys");
  const name = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  if (issue === undefined || name === undefined || meantField(schema, [...issue.path, name]) !== undefined) return "";
  const other = KINDS.find((kind) => SCHEMAS[kind] !== schema);
  const field = other && fieldPaths(SCHEMAS[other]).find((path) => path.at(-1) === name);
  return field === undefined ? "" : `; ${pathText(field)} is a field of the ${other}`;
}

/** Nobody writes a status by hand, so no name in it is a misspelling. */
function laterFields(schema: Schema, issues: readonly z.core.$ZodIssue[]): readonly Path[] {
  const unknown = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.map((key): Path => [...issue.path, key]) : [],
  );
  if (unknown.length > MOST_LATER_FIELDS) return [];
  return unknown.filter((path) => path[0] === "status" || isLater(schema, path));
}

/** A field that speaks of memory is a limit that somebody counts on: it is never passed over. */
function isLater(schema: Schema, path: Path): boolean {
  return meantField(schema, path) === undefined && !/memory/i.test(String(path.at(-1)));
}

function leftOut(fields: readonly Path[]): string {
  const named = fields.slice(0, MOST_FIELDS_NAMED).map(pathText).join(", ");
  if (fields.length === 1) return `${named} is not a field that this version knows; it is not acted on`;
  const more = fields.length > MOST_FIELDS_NAMED ? ` and ${fields.length - MOST_FIELDS_NAMED} more` : "";
  return `${named}${more} are not fields that this version knows; they are not acted on`;
}

const SCHEMAS = { Model: modelSchema, InferenceService: inferenceServiceSchema } as const satisfies Record<
  Kind,
  unknown
>;

function kindOf(document: Fields): Result<Kind> {
  const { apiVersion, kind } = document;
  if (apiVersion !== GROUP_VERSION) return fail(`apiVersion ${held(apiVersion)}; it must be ${GROUP_VERSION}`);
  const known = KINDS.find((name) => name === kind);
  if (known !== undefined) return ok(known);
  const near = typeof kind === "string" ? nearest(kind, KINDS) : undefined;
  const question = near === undefined ? "" : `; did you mean ${near}?`;
  return fail(`kind ${held(kind)}; it must be ${KINDS.join(" or ")}${question}`);
}

function held(value: unknown): string {
  return value === undefined || value === null ? "is missing" : `is ${shown(value)}`;
}

/** `Model default/llama-3-8b`, for a document in which any part of that may be missing. */
export function subjectOf({ kind, metadata }: Fields): string {
  const { name, namespace } = isFields(metadata) ? metadata : {};
  const noun = typeof kind === "string" ? plain(kind) : "An object";
  if (typeof name !== "string") return `${noun} without a name`;
  return `${noun} ${typeof namespace === "string" ? plain(namespace) : DEFAULT_NAMESPACE}/${plain(name)}`;
}

/** A valid name as it is; anything else is quoted and cut, so that the message stays on one line. */
function plain(name: string): string {
  return /^[\w.-]{1,253}$/.test(name) ? name : shown(name);
}

import { GROUP, GROUP_VERSION, KINDS, type Kind } from "./constants.ts";
import { bounded, type Fields, isFields, withoutNulls } from "./document.ts";
import { explain, nearest, shown } from "./explain.ts";
import { type InferenceService, inferenceServiceSchema } from "./inferenceservice.ts";
import { type Model, modelSchema } from "./model.ts";
import { fail, ok, type Result } from "./result.ts";

/**
 * Reads one manifest of this API: defaults applied, nothing else changed, unknown fields refused.
 *
 * Fails with one sentence that names the object, the field's path, what it held and what would be right. The document is
 * what a YAML or JSON parser returned; its size is the caller's to bound.
 */
export function parseManifest(document: unknown): Result<Model | InferenceService> {
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
  const manifest = withoutNulls(document, schema);
  const parsed = schema.safeParse(manifest);
  if (parsed.success) return ok(parsed.data);
  return fail(`${subject}: ${explain(schema, manifest, parsed.error.issues)}`);
}

const SCHEMAS = { Model: modelSchema, InferenceService: inferenceServiceSchema } as const satisfies Record<
  Kind,
  unknown
>;

/**
 * Whether a document belongs to this API at all, in whatever version and however faulty: a folder of manifests also holds
 * Namespaces and other objects that are not ours to judge.
 */
export function isOfThisApi(document: unknown): boolean {
  return isFields(document) && String(document["apiVersion"]).startsWith(`${GROUP}/`);
}

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

/** `Model default/llama-3-8b`, from a document that may lack any part of it. */
function subjectOf({ kind, metadata }: Fields): string {
  const { name, namespace } = isFields(metadata) ? metadata : {};
  const noun = typeof kind === "string" ? plain(kind) : "An object";
  if (typeof name !== "string") return `${noun} without a name`;
  return `${noun} ${typeof namespace === "string" ? plain(namespace) : "default"}/${plain(name)}`;
}

/** A name as it stands if it can be one, else quoted and cut, so that a message stays one line. */
function plain(name: string): string {
  return /^[\w.-]{1,253}$/.test(name) ? name : shown(name);
}

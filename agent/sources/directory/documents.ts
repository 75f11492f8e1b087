import { type Fields, isFields } from "../../../api/document.ts";
import { type Identity, identityOf, isOfThisApi, meantKind } from "../../../api/identity.ts";
import { keyFaults } from "../../../api/key-faults.ts";
import { readTolerantly, subjectOf, type TolerantlyRead } from "../../../api/parse.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import { MAX_OBJECTS, readYaml, TOO_MANY_OBJECTS } from "../../files/yaml.ts";
import type { Manifest } from "../../workload/manifest.ts";

export interface OtherDocument {
  readonly is: "other";
  /** Tells it from other ones of the file. */
  readonly subject: string;
  /** The object that it would be about if it were of this API. */
  readonly identity?: Identity;
  /** Whether it says what it is. */
  readonly isObject: boolean;
  readonly problem: string;
}

/** One document of a file, as far as it concerns this agent. */
export type ManifestDocument =
  | { readonly is: "manifest"; readonly manifest: Manifest; readonly note?: string }
  /** It cannot be used, but it is known which object it is about. */
  | { readonly is: "faulty"; readonly identity: Identity; readonly problem: string }
  /** It is not known which object it is about. */
  | { readonly is: "unidentified"; readonly problem: string }
  /** Of LLMKube's group, but of a kind that this agent does not serve. */
  | { readonly is: "foreign"; readonly note: string }
  /** Of another API, or no object of Kubernetes at all: in a file that held objects of this one it may be one of them, misspelt. */
  | OtherDocument;

/**
 * The documents of a YAML text that concern this agent: `kind: List` is taken apart, other APIs' objects of other kinds and empty documents
 * are left out. Fails with a clause where the text is no YAML, or is empty: a file that is being written looks like that.
 */
export function readDocuments(text: string): Result<readonly ManifestDocument[]> {
  if (!HOLDS_SOMETHING.test(text)) return fail("it is empty; remove the file or write a manifest into it");
  const values = readYaml(text);
  if (!values.ok) return values;
  const objects = values.value.flatMap(listItems);
  return objects.length > MAX_OBJECTS ? fail(TOO_MANY_OBJECTS) : ok(objects.flatMap(readDocument));
}

/** A comment is something: somebody has left it. A file that is being written may begin with a directive or the mark of a document. */
const HOLDS_SOMETHING = /^(?!(?:---|\.\.\.|%.*)?[^\S\n]*$)/m;

function listItems(object: unknown): readonly unknown[] {
  const isList = isFields(object) && object["apiVersion"] === "v1" && object["kind"] === "List";
  return isList && Array.isArray(object["items"]) ? object["items"] : [object];
}

function readDocument(object: unknown): readonly ManifestDocument[] {
  if (object === null || object === undefined) return [];
  const fields = isFields(object) ? object : {};
  if (isFields(object)) {
    if (isTornList(object)) return [{ is: "unidentified", problem: "a List has no list of items" }];
    if (!isOfThisApi(object)) return isTorn(object) ? [unidentified(object)] : otherApis(object);
    if (isForeign(object)) return [{ is: "foreign", note: foreignNote(object) }];
  }
  const read = readTolerantly(object);
  if (read.ok) return [{ is: "manifest", ...withKeyNotes(read.value) }];
  // What ends before its spec may have been cut off within its name.
  const identity = Object.hasOwn(fields, "spec") ? identityOf(object) : undefined;
  if (identity === undefined) return [{ is: "unidentified", problem: read.error }];
  return [{ is: "faulty", identity, problem: read.error }];
}

/** Nobody looks a key up here, so one that is none does no harm; a cluster would refuse the object. */
function withKeyNotes({ manifest, note }: TolerantlyRead): TolerantlyRead {
  const faults = keyFaults(manifest);
  if (faults.length === 0) return { manifest, ...(note !== undefined && { note }) };
  const sentence = `${note ?? subjectOf({ ...manifest })}${note === undefined ? ":" : ";"} ${faults.join("; ")}`;
  return { manifest, note: sentence };
}

function isTornList({ apiVersion, kind, items }: Fields): boolean {
  return apiVersion === "v1" && kind === "List" && !Array.isArray(items);
}

/** It has fields of a manifest alone, in whatever case, but not both that every manifest begins with: it was cut off, or misspelt. */
function isTorn(object: Fields): boolean {
  const keys = Object.keys(object);
  const isComplete = isText(object["apiVersion"]) && isText(object["kind"]);
  return keys.length > 0 && !isComplete && keys.every((key) => MANIFEST_FIELDS.has(key.toLowerCase()));
}

const MANIFEST_FIELDS = new Set(["apiversion", "kind", "metadata", "spec", "status"]);

function unidentified(object: Fields): ManifestDocument {
  const read = readTolerantly(object);
  return { is: "unidentified", problem: read.ok ? subjectOf(object) : read.error };
}

function otherApis(object: Fields): readonly ManifestDocument[] {
  const read = readTolerantly(object);
  if (read.ok || Object.keys(object).length === 0) return [];
  const identity = identityOf(object);
  const { apiVersion, kind, items, metadata } = object;
  // A List of another kind may hold anything.
  const isObject = isText(apiVersion) && isText(kind) && items === undefined && isFields(metadata);
  const subject = `${subjectOf(object)} ${Object.keys(object).join(" ").slice(0, LONGEST_SUBJECT)}`;
  return [{ is: "other", subject, ...(identity && { identity }), isObject, problem: read.error }];
}

const LONGEST_SUBJECT = 200;

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isForeign({ kind, metadata }: Fields): boolean {
  const isNamed = isFields(metadata) && typeof metadata["name"] === "string";
  return isNamed && typeof kind === "string" && meantKind(kind) === undefined;
}

function foreignNote(object: Fields): string {
  return `${subjectOf(object)} is passed over: this agent serves Models and InferenceServices only`;
}

import { type Identity, identityText } from "../../../api/identity.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import { type ManifestDocument, readDocuments } from "./documents.ts";
import type { FileReading, FileState } from "./read-file.ts";

/** What is known of a file since it was last read. */
export interface KnownFile extends FileState {
  readonly documents: readonly ManifestDocument[];
  /** Objects that it held, and may still hold in what cannot be read of it. A document elsewhere is stronger: it has moved there. */
  readonly kept: readonly Identity[];
  /** Whether it is known of each document which object it is about. */
  readonly told: boolean;
  /** What is wrong with the file as a whole, as a clause. */
  readonly problem?: string;
  /** What it held when it was last known of each document which object it is about. */
  readonly text?: string;
  /** Its text looks like the first part of one, or goes on from such a part: what has changed in it may be changing still. */
  readonly mayBeHalf?: boolean;
}

/** What is known of a file after a look at it; undefined: it is not there any more. */
export function knownAfter(reading: FileReading, before: KnownFile | undefined): KnownFile | undefined {
  if (reading.found === "unchanged") return before;
  if (reading.found === "nothing") return undefined;
  const held = before === undefined ? [] : identitiesOf(before);
  if (reading.found === "no file") {
    const problem = `it is ${reading.what}; only regular files are read`;
    return { inode: "", stamp: "", documents: [], kept: held, told: held.length === 0, problem };
  }
  const { inode, stamp } = reading;
  const content = reading.found === "text" ? contentOf(reading.text, before) : fail(reading.problem);
  if (!content.ok) {
    const text = before?.text === undefined ? {} : { text: before.text };
    const documents = before?.documents.filter(({ is }) => is === "other") ?? [];
    return { inode, stamp, documents, kept: held, told: false, problem: content.error, ...text };
  }
  const documents = meantForHeld(content.value.documents, before);
  const told = documents.every(({ is }) => is !== "unidentified");
  const text = told ? content.value.text : (before?.text ?? content.value.text);
  const known = { inode, stamp, documents, told, text, mayBeHalf: content.value.mayBeHalf };
  const named = new Set(identitiesOf({ documents, kept: [] }).map(identityText));
  const kept = held.filter((identity) => !named.has(identityText(identity)));
  if (!told) return { ...known, kept };
  if (kept.length === 0 || !endsWithin(content.value.text, before?.text ?? "")) return { ...known, kept: [] };
  return {
    ...known,
    kept,
    told: false,
    text: before?.text ?? text,
    problem: "it ends within a document that went on before",
  };
}

/** Whether a text is the first part of what was there before, and ends where no document ended. */
function endsWithin(text: string, before: string): boolean {
  return before.startsWith(text) && !/^\s*(?:---|\.\.\.|$)/.test(before.slice(text.length));
}

interface Content {
  readonly text: string;
  readonly documents: readonly ManifestDocument[];
  readonly mayBeHalf: boolean;
}

/** A line that is neither a comment nor the mark of a document. */
const HOLDS_AN_OBJECT = /^(?!---|\.\.\.|%)[^\S\n]*[^#\s]/m;

function contentOf(text: string, before: KnownFile | undefined): Result<Content> {
  const documents = readDocuments(text);
  if (!documents.ok) return documents;
  const was = before?.text ?? "";
  if (text.length < was.length && was.startsWith(text) && !HOLDS_AN_OBJECT.test(text)) {
    return fail("it ends after its first comments; remove the file or write a manifest into it");
  }
  const growsOn = before?.mayBeHalf === true && text.startsWith(was);
  const mayBeHalf = growsOn || text.length < was.length || !/[\n}\]]$/.test(text);
  return ok({ text, documents: documents.value, mayBeHalf });
}

/**
 * In a file that held objects, a document of another API with the name of one of them is that one with a misspelt group, and what is no object
 * at all may be any of them, unless it stood there before.
 */
function meantForHeld(
  documents: readonly ManifestDocument[],
  before: KnownFile | undefined,
): readonly ManifestDocument[] {
  const held = new Set(before === undefined ? [] : identitiesOf(before).map(identityText));
  if (before === undefined || held.size === 0) return documents;
  const stood = new Set(before.documents.flatMap((other) => (other.is === "other" ? [other.subject] : [])));
  const named = new Set(identitiesOf({ documents, kept: [] }).map(identityText));
  return documents.map((document) => {
    if (document.is !== "other" || stood.has(document.subject)) return document;
    const { identity, isObject, problem } = document;
    const key = identity && identityText(identity);
    if (identity && key !== undefined && held.has(key) && !named.has(key)) return { is: "faulty", identity, problem };
    return isObject ? document : { is: "unidentified", problem };
  });
}

/** The object that a document is about, where that is known. */
export function identityOfDocument(document: ManifestDocument): Identity | undefined {
  if (document.is === "faulty") return document.identity;
  if (document.is !== "manifest") return undefined;
  const { kind, metadata } = document.manifest;
  return { kind, namespace: metadata.namespace, name: metadata.name };
}

function identitiesOf({ documents, kept }: Pick<KnownFile, "documents" | "kept">): readonly Identity[] {
  return [...documents.flatMap((document) => identityOfDocument(document) ?? []), ...kept];
}

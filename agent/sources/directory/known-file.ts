import { type Identity, identityText } from "../../../api/identity.ts";
import { fail } from "../../../api/result.ts";
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
  const content = reading.found === "text" ? readDocuments(reading.text) : fail(reading.problem);
  if (!content.ok) return { inode, stamp, documents: [], kept: held, told: false, problem: content.error };
  const documents = content.value;
  const told = documents.every(({ is }) => is !== "unidentified");
  if (told) return { inode, stamp, documents, kept: [], told };
  const named = new Set(identitiesOf({ documents, kept: [] }).map(identityText));
  const kept = held.filter((identity) => !named.has(identityText(identity)));
  return { inode, stamp, documents, kept, told };
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

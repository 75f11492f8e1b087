import { createHash } from "node:crypto";

declare const brand: unique symbol;

/**
 * What tells a workload from every other one on this host: `namespace/name` of an InferenceService from a directory, the UID of a
 * pod. It is no name for people: two pods of one service, the old and the new, have one name and two identities.
 */
export type WorkloadId = string & { readonly [brand]: "WorkloadId" };

/** Takes an identity from where it comes into being, or from a record. Whoever has only a name has no identity. */
export function workloadId(text: string): WorkloadId {
  return text as WorkloadId;
}

/** A file's name has at most 255 bytes; this leaves room for `.json`, `.projection.log.3` and what a temporary file ends in. */
const LONGEST = 200;

/**
 * The name of a file or cgroup of this workload, without an ending: the same for the same identity, different for different ones.
 * Neither half of `namespace/name` can hold an underscore. A name that is too long for a file, or that no Kubernetes object has,
 * is cut and ends in a digest of the whole.
 */
export function fileNameOf(id: WorkloadId): string {
  if (/^[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)?$/.test(id) && id.length <= LONGEST) return id.replace("/", "_");
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return `${id.replaceAll(/[^a-z0-9.-]/g, "_").slice(0, LONGEST - digest.length - 1)}_${digest}`;
}

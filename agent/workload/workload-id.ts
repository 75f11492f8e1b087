import { createHash } from "node:crypto";

declare const brand: unique symbol;

/**
 * Identifies a workload on this host: `namespace/name` of an InferenceService from a directory, or the UID of a pod. It is not the
 * display name: the old and the new pod of one service have the same name and two ids.
 */
export type WorkloadId = string & { readonly [brand]: "WorkloadId" };

/** Makes an id from text. Only for sources, which assign ids, and for records that hold them: a display name is not an id. */
export function workloadId(text: string): WorkloadId {
  return text as WorkloadId;
}

/** File names have at most 255 bytes. This leaves space for `.json`, `_projection.log.3` and the suffix of temporary files. */
const LONGEST = 200;

/**
 * A file or cgroup name for this workload, without an extension: the same for the same id, different for different ids. The slash of
 * `namespace/name` becomes an underscore, which neither part can contain. An id that is too long, or that no Kubernetes object can
 * have, is shortened and ends in a digest of the whole id.
 */
export function fileNameOf(id: WorkloadId): string {
  if (/^[a-z0-9][a-z0-9.-]*(\/[a-z0-9][a-z0-9.-]*)?$/.test(id) && id.length <= LONGEST) return id.replace("/", "_");
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return `${id.replaceAll(/[^a-z0-9.-]/g, "_").slice(0, LONGEST - digest.length - 1)}_${digest}`;
}

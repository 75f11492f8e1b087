import * as z from "zod";
import { DEFAULT_NAMESPACE } from "./constants.ts";
import { list, matching, opaque, prose, text, time } from "./fields.ts";

/** DNS-1123, as the API server checks the names of custom resources (subdomain) and of namespaces (label). */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

/**
 * A key of a label or an annotation: a name, after a DNS name and a slash or without. Manifests are read without it, because only the
 * API server refuses them for a key.
 */
export const metadataKeySchema = matching(
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/,
  "at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, after a DNS name and / or without",
)
  .max(317)
  .meta({ example: "example.com/team" });

/** The most bytes of all annotations of an object together, keys counted: the API server's limit. */
export const MAX_ANNOTATIONS_BYTES = 262_144;

/**
 * meta/v1 ObjectMeta. It is used to read manifests only; for a CRD the API server has its own. Fields that neither
 * components nor agent use are kept as they were written.
 */
export const metadataSchema = z
  .strictObject({
    name: matching(
      NAME,
      "at most 253 lower case letters, digits, '-' and '.', starting and ending with a letter or digit",
    )
      .max(253)
      .meta({ example: "llama-3-8b" }),
    namespace: matching(
      NAMESPACE,
      "at most 63 lower case letters, digits and '-', starting and ending with a letter or digit",
    )
      .max(63)
      .default(DEFAULT_NAMESPACE),
    labels: z
      .record(
        text(),
        matching(
          LABEL_VALUE,
          "at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
        ).max(63),
      )
      .optional(),
    annotations: z.record(text(), prose()).optional(),
    generateName: text().optional(),
    uid: text().optional(),
    resourceVersion: text().optional(),
    generation: z.int().optional(),
    creationTimestamp: time().optional(),
    deletionTimestamp: time().optional(),
    deletionGracePeriodSeconds: z.int().optional(),
    finalizers: list(text()).optional(),
    ownerReferences: list(opaque("meta/v1 OwnerReference")).optional(),
    managedFields: list(opaque("meta/v1 ManagedFieldsEntry")).optional(),
    selfLink: text().optional(),
  })
  .meta({ expected: "an object with name" });

export type ObjectMeta = z.output<typeof metadataSchema>;

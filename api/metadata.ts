import * as z from "zod";
import { DEFAULT_NAMESPACE } from "./constants.ts";
import { list, matching, opaque, prose, text, time } from "./fields.ts";

/** DNS-1123, as the API server checks the names of custom resources (subdomain) and of namespaces (label). */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

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

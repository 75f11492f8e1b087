import * as z from "zod";
import { text } from "./fields.ts";

/** core/v1 LocalObjectReference. */
export function localReference(description: string) {
  return z
    .strictObject({ name: text().describe("Name of an object in the same namespace.").default("") })
    .meta({ "x-kubernetes-map-type": "atomic" })
    .describe(description);
}

/** core/v1 SecretKeySelector for a Hugging Face token. */
export function huggingFaceTokenReference() {
  return z
    .strictObject({
      key: text().describe("Key in the Secret's data."),
      name: text().describe("Name of a Secret in the same namespace.").default(""),
      optional: z.boolean().describe("Whether the Secret or its key may be absent.").optional(),
    })
    .meta({ "x-kubernetes-map-type": "atomic" })
    .describe("Secret that holds a Hugging Face token for gated weights.");
}

import * as z from "zod";
import { text } from "./fields.ts";

/** core/v1 LocalObjectReference. */
export function localReference(description: string) {
  return z
    .strictObject({ name: text().describe("The name of an object in the same namespace.").default("") })
    .meta({ "x-kubernetes-map-type": "atomic" })
    .describe(description);
}

/** core/v1 SecretKeySelector for a Hugging Face token. */
export function huggingFaceTokenReference() {
  return z
    .strictObject({
      key: text().describe("The key in the data of the Secret."),
      name: text().describe("The name of a Secret in the same namespace.").default(""),
      optional: z.boolean().describe("Whether the Secret or its key may be absent.").optional(),
    })
    .meta({ "x-kubernetes-map-type": "atomic" })
    .describe("The Secret with the Hugging Face token for gated weights.");
}

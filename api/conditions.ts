import * as z from "zod";
import { list, time } from "./fields.ts";

/** meta/v1 Condition, with the bounds that Kubernetes itself puts on it. */
export const conditionSchema = z
  .strictObject({
    type: z
      .string()
      .max(316)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
      )
      .meta({ expected: "the name of a condition, such as Ready or example.com/Ready" })
      .describe("The aspect of the object that this condition describes, in CamelCase, for example Ready."),
    status: z.enum(["True", "False", "Unknown"]).describe("Whether the condition holds: True, False or Unknown."),
    observedGeneration: z
      .int()
      .min(0)
      .describe("The metadata.generation that this condition was observed at.")
      .optional(),
    lastTransitionTime: time().describe("When the status of this condition last changed."),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .meta({ expected: "one word in CamelCase" })
      .describe("Why the status last changed: one word in CamelCase, meant for programs."),
    message: z.string().max(32_768).describe("Why the status last changed: a sentence meant for people."),
  })
  .describe("One observation of the state of this object.");

export type Condition = z.output<typeof conditionSchema>;

/** A list that the API server merges by `type`, so that several writers can own different conditions. */
export function conditionList() {
  return list(conditionSchema)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
    .describe("Observations of the state of this object, one for each type.");
}

/** The `status.lastUpdated` of both kinds. */
export function lastUpdated() {
  return time().describe("When the status was last written.");
}

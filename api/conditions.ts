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
      .meta({ expected: "a condition's name such as Ready or example.com/Ready" })
      .describe("What the condition is about, in CamelCase, for example Ready."),
    status: z.enum(["True", "False", "Unknown"]).describe("Whether the condition holds."),
    observedGeneration: z.int().min(0).describe("metadata.generation that the condition was found for.").optional(),
    lastTransitionTime: time().describe("When status last changed."),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .meta({ expected: "one word in CamelCase" })
      .describe("Why status last changed, as one word in CamelCase for programs."),
    message: z.string().max(32_768).describe("Why status last changed, as a sentence for people."),
  })
  .describe("One observation of this object's state.");

export type Condition = z.output<typeof conditionSchema>;

/** A list that is merged by `type`, so that several writers can own different conditions. */
export function conditionList() {
  return list(conditionSchema)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
    .describe("Observations of this object's state, one a type.");
}

/** `lastUpdated` of both kinds. */
export function lastUpdated() {
  return time().describe("When the status was last written.");
}

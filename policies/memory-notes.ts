import type { ResourceValidationPolicy } from "@pulumi/policy";
import { takeNotes } from "./findings.ts";

/** Says, without refusing anything, what the policies before it in the pack could not check or took for granted. */
export const memoryNotes: ResourceValidationPolicy = {
  name: "memory-notes",
  description: "What the memory policies could not check, or took for granted.",
  enforcementLevel: "advisory",
  validateResource: ({ urn }, reportViolation) => {
    for (const text of takeNotes(urn)) reportViolation(text);
  },
};

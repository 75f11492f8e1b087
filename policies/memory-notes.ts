import type { ResourceValidationPolicy } from "@pulumi/policy";
import { takeNotes } from "./findings.ts";

/** Reports what the policies before it in the pack could not check or had to assume. It refuses nothing. */
export const memoryNotes: ResourceValidationPolicy = {
  name: "memory-notes",
  description: "Reports what the memory policies could not check or had to assume.",
  enforcementLevel: "advisory",
  validateResource: ({ urn }, reportViolation) => {
    for (const text of takeNotes(urn)) reportViolation(text);
  },
};

import type {
  ReportViolation,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import type { Registry } from "./registry.ts";
import { onlyWhen } from "./stack-cost.ts";

export const MEMORY_NOTES = {
  name: "memory-notes",
  displayName: "What was not checked",
  description: "Reports what the memory policies could not check or had to assume.",
  enforcementLevel: "advisory",
  severity: "low",
  tags: ["memory"],
  remediationSteps: "Nothing is refused. Read what was assumed, and name it in the configuration where it is wrong.",
} as const;

/** Reports what the policies before it in the pack noted on a resource. It refuses nothing. */
export function memoryNotes(registry: Registry): ResourceValidationPolicy & StackValidationPolicy {
  const tell = (urn: string, report: ReportViolation) => {
    for (const text of registry.takeNotes(urn)) report(text, urn);
  };
  return {
    ...MEMORY_NOTES,
    tags: [...MEMORY_NOTES.tags],
    validateResource: ({ urn }, report) => tell(urn, report),
    validateStack: onlyWhen(
      () => registry.noted().length > 0,
      (_stack: StackValidationArgs, report: ReportViolation) => {
        for (const urn of registry.noted()) tell(urn, report);
      },
    ),
  };
}

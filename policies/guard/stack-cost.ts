import type { StackValidation } from "@pulumi/policy";

/** No resource has this type. */
const NO_TYPE = "nothing that this policy looks at";

/**
 * Marks a stack validation as one that the SDK need not run while `needed` is false. For each stack policy the SDK reads all resources of the
 * stack anew, but not where the policy is for a type that no resource has. It asks for that type, `__pulumiType`, at the end of the operation.
 */
export function onlyWhen(needed: () => boolean, validation: StackValidation): StackValidation {
  return Object.defineProperty(validation, "__pulumiType", { get: () => (needed() ? undefined : NO_TYPE) });
}

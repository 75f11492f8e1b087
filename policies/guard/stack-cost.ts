import type { ResourceValidation, StackValidation } from "@pulumi/policy";

/** No resource has this type. */
const NO_TYPE = "nothing that this policy looks at";

/**
 * Marks a validation as one that the SDK need not run while `needed` is false. For each policy the SDK reads the resource, and for each
 * stack policy all resources of the stack, anew, but not where the policy is for a type that no resource has. It asks for that type,
 * `__pulumiType`, each time.
 */
export function onlyWhen<Validation extends StackValidation | ResourceValidation>(
  needed: () => boolean,
  validation: Validation,
): Validation {
  return Object.defineProperty(validation, "__pulumiType", { get: () => (needed() ? undefined : NO_TYPE) });
}

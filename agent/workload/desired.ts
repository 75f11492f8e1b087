import type { Workload } from "./workload.ts";

/**
 * What is wanted of one workload. `name` is what people call it (`namespace/name` of the InferenceService).
 *
 * `unknown`: it is wanted, but what it should be cannot be read, and was not read before by this agent. What runs goes on as it is;
 * nothing is started.
 */
export type Desired =
  | { readonly kind: "run"; readonly workload: Workload }
  | { readonly kind: "stopped"; readonly name: string; readonly message: string }
  | { readonly kind: "unknown"; readonly name: string; readonly message: string }
  | {
      readonly kind: "refused";
      readonly name: string;
      /** Pending where something else may still come that it needs. */
      readonly state: "Pending" | "Failed";
      readonly reason: string;
      readonly message: string;
    };

/** `namespace/name` of the InferenceService. */
export function nameOfDesired(desired: Desired): string {
  return desired.kind === "run" ? desired.workload.name : desired.name;
}

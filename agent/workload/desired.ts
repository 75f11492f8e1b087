import type { Workload } from "./workload.ts";

/**
 * The desired state of one workload. `name` is `namespace/name` of its InferenceService.
 *
 * - `run`: it should run with these settings.
 * - `stopped`: its manifest says that it should not run.
 * - `unknown`: its manifest, or that of its Model, cannot be read and was never read by this agent, or says something else than what asks
 *   for it. A server that runs goes on; none is started.
 * - `refused`: it cannot run here. A running server is stopped.
 */
export type Desired =
  | { readonly kind: "run"; readonly workload: Workload }
  | {
      readonly kind: "stopped";
      readonly name: string;
      readonly message: string;
      /** Milliseconds between SIGTERM and SIGKILL, where whoever ends it says so; undefined: those of the workload. */
      readonly gracePeriodMs?: number;
    }
  | {
      readonly kind: "unknown";
      readonly name: string;
      /** Undefined: `Unreadable`. */
      readonly reason?: string;
      readonly message: string;
    }
  | {
      readonly kind: "refused";
      readonly name: string;
      /** Pending if something that it needs may still appear. */
      readonly state: "Pending" | "Failed";
      readonly reason: string;
      readonly message: string;
    };

/** `namespace/name` of the InferenceService. */
export function nameOfDesired(desired: Desired): string {
  return desired.kind === "run" ? desired.workload.name : desired.name;
}

/** Changes when somebody has responded to a failure: with other settings or another budget, or by no longer asking for it. */
export function digestOfDesired(desired: Desired | undefined): string {
  return desired?.kind === "run" ? digestOfRun(desired.workload) : (desired?.kind ?? "");
}

/** {@link digestOfDesired} of a workload that should run. */
export function digestOfRun({ specHash, budget }: Pick<Workload, "specHash" | "budget">): string {
  return `${specHash} ${budget.bytes}`;
}

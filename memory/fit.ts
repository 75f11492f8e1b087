import { formatBytes } from "../api/quantity.ts";
import { type Budget, describeBudget } from "./budget.ts";
import type { Estimate } from "./estimate/types.ts";

/** `InsufficientMemory` and `MemoryCheckFailed` are LLMKube's `schedulingStatus` values. */
export type FitReason = "Fits" | "InsufficientMemory" | "MemoryCheckFailed";

export interface FitDecision {
  readonly fits: boolean;
  readonly reason: FitReason;
  /** For a person: how much is needed, how much is allowed, and where the limit comes from. */
  readonly message: string;
  /** The budget minus the need in bytes; 0 if the model does not fit. */
  readonly headroomBytes: number;
}

/**
 * Whether a model may start under its budget. The policy pack, the controller and the agent all call this function, so
 * that they decide alike. An unknown need never fits.
 */
export function decideFit(estimate: Estimate, budget: Budget): FitDecision {
  if (estimate.confidence === "unknown") {
    const why = estimate.notes.join("; ") || "there is no rule for this model";
    return refusal("MemoryCheckFailed", `the memory need is unknown (${why}), ${describeBudget(budget)}`);
  }
  const need = estimate.totalBytes;
  const facts = `estimated ${formatBytes(need)} required, ${describeBudget(budget)}`;
  if (need <= budget.bytes) return { fits: true, reason: "Fits", message: facts, headroomBytes: budget.bytes - need };
  const hint = budget.hint ? `; ${budget.hint}` : "";
  return refusal("InsufficientMemory", `${facts}, ${formatBytes(need - budget.bytes)} short${hint}`);
}

function refusal(reason: FitReason, message: string): FitDecision {
  return { fits: false, reason, message, headroomBytes: 0 };
}

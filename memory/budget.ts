import { GiB, MiB } from "../api/bytes.ts";
import { formatBytes, parseQuantity } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";

/** Where a budget came from; the first one that is set takes precedence. The first two names are LLMKube's. */
export type BudgetSource = "crd-budget" | "crd-fraction" | "agent-flag" | "adaptive-default";

/** How much memory one model may use, in bytes of the memory that the CPU and the GPU share. */
export interface Budget {
  /** Whole bytes, at least 1. */
  readonly bytes: number;
  readonly source: BudgetSource;
  /** Set unless `source` is `crd-budget`. */
  readonly fraction?: number;
  /** The physical memory in bytes that `fraction` is a fraction of. */
  readonly totalBytes?: number;
  /** Set if the budget was lowered because the node has less memory than was asked for. */
  readonly cap?: { readonly requestedBytes: number; readonly by: "physical memory" | "Metal working set" };
  /** A sentence about a likely mistake: a budget below {@link SUSPICIOUSLY_SMALL}. */
  readonly hint?: string;
}

export interface BudgetInput {
  /** `Model.spec.hardware.memoryBudget`, a Kubernetes quantity above 0. It takes precedence over every fraction. */
  readonly memoryBudget?: string | undefined;
  /** `Model.spec.hardware.memoryFraction` of the node's memory, above 0, at most 1. */
  readonly memoryFraction?: number | undefined;
  /** The agent's `--memory-fraction`, above 0, at most 1. */
  readonly agentFraction?: number | undefined;
  /** The node's physical memory in bytes; undefined if it is unknown. */
  readonly hostMemoryBytes?: number | undefined;
  /** What Metal reports as its recommended working set, in bytes. */
  readonly workingSetBytes?: number | undefined;
}

/**
 * On Macs with up to this much RAM, macOS itself needs a larger share (docs/background/apple-memory.md, "Working set").
 */
const SMALL_MAC_BYTES = 36 * GiB;
const SMALL_MAC_FRACTION = 0.67;
const LARGE_MAC_FRACTION = 0.75;
const SUSPICIOUSLY_SMALL = MiB;

/** The default share of RAM for models: 0.67 up to 36 GiB, 0.75 above. */
export function adaptiveFraction(hostMemoryBytes: number): number {
  return hostMemoryBytes <= SMALL_MAC_BYTES ? SMALL_MAC_FRACTION : LARGE_MAC_FRACTION;
}

/**
 * One model's budget: `memoryBudget` > `memoryFraction` > agent flag > adaptive default, never more than the node has.
 * All places that decide about a budget call this function. Only the source that takes precedence is checked, so an
 * invalid fraction beside a budget is not an error (docs/background/llmkube.md, "Budget").
 */
export function resolveBudget(input: BudgetInput): Result<Budget> {
  if (input.memoryBudget !== undefined) return absoluteBudget(input.memoryBudget, input);
  if (input.memoryFraction !== undefined) {
    return fractionBudget("memoryFraction", input.memoryFraction, "crd-fraction", input);
  }
  if (input.agentFraction !== undefined) {
    return fractionBudget("--memory-fraction", input.agentFraction, "agent-flag", input);
  }
  const fraction = adaptiveFraction(input.hostMemoryBytes ?? 0);
  return fractionBudget("the default fraction", fraction, "adaptive-default", input);
}

/**
 * `budget 24.0 GiB (absolute from CRD)` or `budget 10.7 GiB (16.0 GiB total * 67%)`: LLMKube's wording, and the cap if
 * there is one.
 */
export function describeBudget(budget: Budget): string {
  const origin =
    budget.fraction === undefined || budget.totalBytes === undefined
      ? "absolute from CRD"
      : `${formatBytes(budget.totalBytes)} total * ${Number((budget.fraction * 100).toFixed(2))}%`;
  const cap = budget.cap
    ? `, capped from ${formatBytes(budget.cap.requestedBytes)} by the node's ${budget.cap.by}`
    : "";
  return `budget ${formatBytes(budget.bytes)} (${origin})${cap}`;
}

function absoluteBudget(text: string, input: BudgetInput): Result<Budget> {
  const parsed = parseQuantity(text);
  if (!parsed.ok) return fail(`memoryBudget ${parsed.error}`);
  if (parsed.value <= 0n) return fail(`memoryBudget ${JSON.stringify(text)} must be above 0, for example 24Gi`);
  // A double is inexact beyond 2^53 bytes, but no machine has that much memory.
  const bytes = Number(parsed.value);
  if (bytes >= SUSPICIOUSLY_SMALL) return ok(capped({ bytes, source: "crd-budget" }, input));
  const hint = `memoryBudget ${JSON.stringify(text)} is only ${formatBytes(bytes)}; add a unit such as Mi or Gi, for example 24Gi`;
  return ok(capped({ bytes, source: "crd-budget", hint }, input));
}

function fractionBudget(name: string, fraction: number, source: BudgetSource, input: BudgetInput): Result<Budget> {
  if (!(fraction > 0 && fraction <= 1))
    return fail(`${name} ${fraction} must be above 0 and at most 1, for example 0.75`);
  const totalBytes = input.hostMemoryBytes;
  if (totalBytes === undefined || !(totalBytes > 0)) {
    return fail(
      `${name} ${fraction} is a fraction of the node's memory, which is unknown; set memoryBudget, or state the memory of the host`,
    );
  }
  const bytes = Math.trunc(totalBytes * fraction);
  return ok(capped({ bytes, source, fraction, totalBytes }, input));
}

function capped(budget: Budget, input: BudgetInput): Budget {
  const limits = [
    { by: "physical memory", bytes: input.hostMemoryBytes ?? Number.POSITIVE_INFINITY },
    { by: "Metal working set", bytes: input.workingSetBytes ?? Number.POSITIVE_INFINITY },
  ] as const;
  const limit = limits[1].bytes < limits[0].bytes ? limits[1] : limits[0];
  if (budget.bytes <= limit.bytes) return budget;
  return { ...budget, bytes: limit.bytes, cap: { requestedBytes: budget.bytes, by: limit.by } };
}

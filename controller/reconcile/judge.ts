import { MiB } from "../../api/bytes.ts";
import { formatBytes } from "../../api/quantity.ts";
import { advise } from "../../memory/advice.ts";
import { adviceText } from "../../memory/advice-text.ts";
import { type Budget, resolveBudget } from "../../memory/budget.ts";
import type { EstimateSettings, KnownEstimate } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import type { Host } from "../../memory/placement/host.ts";
import type { HeaderBook } from "../headers/book.ts";
import { type Joined, servedOf } from "./need.ts";

export interface NeedToJudge {
  readonly joined: Joined;
  readonly need: { readonly estimate: KnownEstimate; readonly settings: EstimateSettings };
  readonly macs: readonly Host[];
  readonly headers: HeaderBook;
  readonly waiter: string;
}

export type Fit = { readonly fits: boolean; readonly reason: string; readonly message: string };
export type Judge = (need: NeedToJudge) => Fit;

/**
 * Whether a service may be scheduled at all: its need against its budget, on some Mac of the fleet. Without any Mac an absolute budget is
 * judged alone, and everything else waits for the scheduler.
 */
export function judgeNeed({ joined, need, macs, headers, waiter }: NeedToJudge): Fit {
  const { memoryBudget, memoryFraction } = joined.model.spec.hardware ?? {};
  const { estimate, settings } = need;
  const budgets = macs.flatMap((mac) => {
    const budget = budgetOn(mac, memoryBudget, memoryFraction);
    return budget.ok ? [{ mac, budget: budget.value }] : [];
  });
  const alone = memoryBudget === undefined ? undefined : resolveBudget({ memoryBudget });
  if (alone?.ok === false) return { fits: false, reason: "InvalidSpec", message: `its Model: ${alone.error}` };
  if (budgets.length === 0) {
    const fit = alone && decideFit(estimate, alone.value);
    if (fit?.fits === false) return { ...fit, message: `${fit.message}. ${advice(alone?.value.bytes ?? 0)}` };
    return { fits: true, reason: "Fits", message: `estimated ${formatBytes(estimate.totalBytes)} required` };
  }
  const holding = budgets.find(
    ({ mac, budget }) => estimate.totalBytes <= Math.min(budget.bytes, mac.allocatableBytes),
  );
  if (holding !== undefined) {
    const { message } = decideFit(estimate, holding.budget);
    return { fits: true, reason: "Fits", message: `${message} on ${holding.mac.name}` };
  }
  const largest = budgets.reduce((a, b) => (limitOf(b) > limitOf(a) ? b : a));
  return { fits: false, reason: "InsufficientMemory", message: `${shortOn(largest)}. ${advice(limitOf(largest))}` };

  function shortOn({ mac, budget }: { readonly mac: Host; readonly budget: Budget }): string {
    const fit = decideFit(estimate, budget);
    if (!fit.fits) return `${fit.message} on ${mac.name}, which gives it the most`;
    const most = formatBytes(mac.allocatableBytes);
    return `estimated ${formatBytes(estimate.totalBytes)} required, but all models of ${mac.name}, the largest Mac, together may use ${most}`;
  }

  /** Needs the headers: until they are read it says less. */
  function advice(bytes: number): string {
    const view = servedOf(joined, headers, waiter);
    if (view.state !== "read") return `It needs a budget of at least ${Math.ceil(estimate.totalBytes / MiB)}Mi`;
    return adviceText(advise(view.served, settings, bytes), settings);
  }
}

function limitOf({ mac, budget }: { readonly mac: Host; readonly budget: Budget }): number {
  return Math.min(budget.bytes, mac.allocatableBytes);
}

function budgetOn(mac: Host, memoryBudget: string | undefined, memoryFraction: number | undefined) {
  const bytes = (mebibytes: number | undefined) => (mebibytes === undefined ? undefined : mebibytes * MiB);
  return resolveBudget({
    memoryBudget,
    memoryFraction,
    hostMemoryBytes: bytes(mac.memoryMiB),
    workingSetBytes: bytes(mac.workingSetMiB),
  });
}

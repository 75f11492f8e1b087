import { MiB } from "../../api/bytes.ts";
import type { Model } from "../../api/model.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { Result } from "../../api/result.ts";
import { advise } from "../../memory/advice.ts";
import { adviceText } from "../../memory/advice-text.ts";
import { type Budget, resolveBudget } from "../../memory/budget.ts";
import type { Estimate, EstimateSettings, KnownEstimate } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import type { Host } from "../../memory/placement/host.ts";
import type { Served } from "../../memory/served.ts";

/** Whether replicas of a service may be scheduled at all, before any is. */
export type Admission =
  | { readonly kind: "admitted"; readonly estimate: KnownEstimate }
  | {
      readonly kind: "refused";
      /** LLMKube's `schedulingStatus`. */
      readonly reason: "InsufficientMemory" | "MemoryCheckFailed";
      /** LLMKube's `schedulingMessage`, and what would fit. */
      readonly message: string;
      /** Undefined where the need is not known. */
      readonly estimate: KnownEstimate | undefined;
      /** Another Mac could change it. */
      readonly dependsOnFleet: boolean;
    };

export interface ToAdmit {
  readonly model: Model;
  /** Of one replica; a failure says why there is none. */
  readonly estimate: Result<Estimate>;
  /** Headers and settings, for what would fit; undefined: only the budget that would is named. */
  readonly advice?: { readonly served: Served; readonly settings: EstimateSettings } | undefined;
  /** All Macs of the fleet. Without any, nothing is refused on their account: a pod waits until one joins. */
  readonly macs: readonly Host[];
}

/**
 * Whether a service may be scheduled: its need is known, inside its budget, and some Mac could hold it if it were empty. Decided by the
 * same function as in preview and on the Mac itself.
 */
export function admitService({ model, estimate, advice, macs }: ToAdmit): Admission {
  if (!estimate.ok) return checkFailed(estimate.error);
  const need = estimate.value;
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  if (need.confidence === "unknown") {
    const why = need.notes.join("; ") || "there is no rule for this model";
    return checkFailed(`the memory need is unknown (${why})`);
  }
  if (memoryBudget !== undefined) {
    const budget = resolveBudget({ memoryBudget });
    if (!budget.ok) return checkFailed(budget.error);
    const fit = decideFit(need, budget.value);
    if (!fit.fits) return tooLarge(need, fit.message, budget.value.bytes, advice, false);
  }
  const offers = macs.map((mac) => offerOf(mac, memoryBudget === undefined ? memoryFraction : undefined));
  const best = offers.toSorted((a, b) => b.bytes - a.bytes || (a.mac < b.mac ? -1 : 1))[0];
  if (best === undefined || best.bytes >= need.totalBytes) return { kind: "admitted", estimate: need };
  const where = macs.length === 1 ? "the only Mac" : `the best of ${macs.length} Macs`;
  return tooLarge(need, `${offerText(need, best)}, on ${best.mac}, ${where}`, best.bytes, advice, true);
}

/** The most that one Mac gives a model with this budget. */
interface Offer {
  readonly mac: string;
  readonly bytes: number;
  /** Set where the fraction decides it; else all models of the Mac together get no more. */
  readonly budget: Budget | undefined;
}

function offerOf({ name, allocatableBytes, memoryMiB, workingSetMiB }: Host, fraction: number | undefined): Offer {
  const whole = { mac: name, bytes: allocatableBytes, budget: undefined };
  if (fraction === undefined) return whole;
  // Without its label the scheduler does not put a pod with a fraction there.
  if (memoryMiB === undefined) return { ...whole, bytes: 0 };
  const budget = resolveBudget({
    memoryFraction: fraction,
    hostMemoryBytes: memoryMiB * MiB,
    workingSetBytes: workingSetMiB === undefined ? undefined : workingSetMiB * MiB,
  });
  if (!budget.ok || budget.value.bytes > allocatableBytes) return whole;
  return { mac: name, bytes: budget.value.bytes, budget: budget.value };
}

function offerText(need: KnownEstimate, { bytes, budget }: Offer): string {
  if (budget !== undefined) return decideFit(need, budget).message;
  const [required, offered, short] = [need.totalBytes, bytes, need.totalBytes - bytes].map(formatBytes);
  return `estimated ${required} required, all models of the Mac together get ${offered}, ${short} short`;
}

function tooLarge(
  estimate: KnownEstimate,
  facts: string,
  budgetBytes: number,
  advice: ToAdmit["advice"],
  dependsOnFleet: boolean,
): Admission {
  const whatFits =
    advice === undefined ? "" : `. ${adviceText(advise(advice.served, advice.settings, budgetBytes), advice.settings)}`;
  return { kind: "refused", reason: "InsufficientMemory", message: facts + whatFits, estimate, dependsOnFleet };
}

function checkFailed(message: string): Admission {
  return { kind: "refused", reason: "MemoryCheckFailed", message, estimate: undefined, dependsOnFleet: false };
}

/**
 * Pods that a Deployment should have: what the manifest asks for; while the service is refused no more than are on Macs already, so that
 * nothing new is scheduled and no server that runs is stopped.
 *
 * @param wanted {@link wantedReplicas}
 * @param onMacs its pods that are bound to a Mac, without those that leave or have failed
 */
export function admittedReplicas(admission: Admission | undefined, wanted: number, onMacs: number): number {
  return admission?.kind === "admitted" ? wanted : Math.min(wanted, onMacs);
}

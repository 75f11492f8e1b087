import type { Rule, StackRule } from "./definition.ts";
import { aggregatePerHost } from "./fleet/aggregate-per-host.ts";
import { distinctNamesAndPorts } from "./fleet/distinct-names-and-ports.ts";
import { fleetPlacement } from "./fleet/fleet-placement.ts";
import { fleetSummary } from "./fleet/fleet-summary.ts";
import { replicasAboveMacs } from "./fleet/replicas-above-macs.ts";
import { autoBudget } from "./remedies/auto-budget.ts";
import { autoCacheType } from "./remedies/auto-cache-type.ts";
import { autoContext } from "./remedies/auto-context.ts";
import { allowedSources } from "./rules/allowed-sources.ts";
import { budgetRequired } from "./rules/budget-required.ts";
import { budgetWithinHost } from "./rules/budget-within-host.ts";
import { cacheTypeFastPath } from "./rules/cache-type-fast-path.ts";
import { contextAboveTraining } from "./rules/context-above-training.ts";
import { contextPerSlot } from "./rules/context-per-slot.ts";
import { deprecatedQuantizations } from "./rules/deprecated-quantizations.ts";
import { exposure } from "./rules/exposure.ts";
import { extraArgs } from "./rules/extra-args.ts";
import { fractionAndBudgetBothSet } from "./rules/fraction-and-budget-both-set.ts";
import { httpsOnly } from "./rules/https-only.ts";
import { largestShareOfHost } from "./rules/largest-share-of-host.ts";
import { licenceAllowList } from "./rules/licence-allow-list.ts";
import { memoryBudgetValid } from "./rules/memory-budget-valid.ts";
import { memoryFits } from "./rules/memory-fits.ts";
import { noCredentialsInAddress } from "./rules/no-credentials-in-address.ts";
import { onDemand } from "./rules/on-demand.ts";
import { pinnedSource } from "./rules/pinned-source.ts";

/** Every policy of LlmGuard but memory-notes, in the order in which a resource is shown to them: each after those to which it leaves something. */
export const RULES: readonly Rule[] = [
  memoryBudgetValid,
  // Before memory-fits, which leaves to it what it has refused.
  extraArgs,
  memoryFits,
  ...[budgetRequired, fractionAndBudgetBothSet, budgetWithinHost, largestShareOfHost],
  ...[contextAboveTraining, contextPerSlot, cacheTypeFastPath, deprecatedQuantizations],
  ...[noCredentialsInAddress, httpsOnly, allowedSources, pinnedSource, licenceAllowList],
  exposure,
  onDemand,
  // They change what does not fit, one after the other, and only where the level is `remediate`.
  ...[autoBudget, autoCacheType, autoContext],
];

/** Each after those to which it leaves what they have said already; the picture last. */
export const STACK_RULES: readonly StackRule[] = [
  aggregatePerHost,
  distinctNamesAndPorts,
  fleetPlacement,
  replicasAboveMacs,
  fleetSummary,
];

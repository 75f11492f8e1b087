import type { Rule, StackRule } from "./definition.ts";
import { aggregatePerHost } from "./fleet/aggregate-per-host.ts";
import { distinctNamesAndPorts } from "./fleet/distinct-names-and-ports.ts";
import { fleetPlacement } from "./fleet/fleet-placement.ts";
import { fleetSummary } from "./fleet/fleet-summary.ts";
import { replicasAboveMacs } from "./fleet/replicas-above-macs.ts";
import { contextAboveTraining } from "./rules/context-above-training.ts";
import { memoryBudgetValid } from "./rules/memory-budget-valid.ts";
import { memoryFits } from "./rules/memory-fits.ts";

/** Every policy of LlmGuard but memory-notes, in the order in which a resource is shown to them. */
export const RULES: readonly Rule[] = [memoryBudgetValid, memoryFits, contextAboveTraining];

/** Fleet-placement first: it brings the hosts. The picture last. */
export const STACK_RULES: readonly StackRule[] = [
  fleetPlacement,
  aggregatePerHost,
  replicasAboveMacs,
  distinctNamesAndPorts,
  fleetSummary,
];

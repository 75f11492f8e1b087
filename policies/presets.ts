import type { LlmGuardOptions } from "./guard/llm-guard.ts";

// Presets are data: `new LlmGuard(strict)`, or `new LlmGuard({ ...strict, pinnedSource: "advisory" })`.

/** What would not run, or would endanger a Mac or its keys, is refused; what is only worse than it need be is said. */
export const recommended: LlmGuardOptions = {
  memoryBudgetValid: "mandatory",
  memoryFits: "mandatory",
  budgetRequired: "advisory",
  fractionAndBudgetBothSet: "advisory",
  budgetWithinHost: "mandatory",
  largestShareOfHost: "advisory",
  contextAboveTraining: "advisory",
  contextPerSlot: "advisory",
  cacheTypeFastPath: "advisory",
  deprecatedQuantizations: "advisory",
  noCredentialsInAddress: "mandatory",
  httpsOnly: "mandatory",
  allowedSources: "mandatory",
  pinnedSource: "advisory",
  licenceAllowList: "mandatory",
  exposure: "mandatory",
  extraArgs: "mandatory",
  onDemand: "mandatory",
  distinctNamesAndPorts: "mandatory",
  aggregatePerHost: "mandatory",
  fleetPlacement: "mandatory",
  replicasAboveMacs: "advisory",
  fleetSummary: "advisory",
  autoBudget: "disabled",
  autoCacheType: "disabled",
  autoContext: "disabled",
};

/** For Macs that others depend on: each model has a budget and pinned weights, and nothing questionable passes. */
export const strict: LlmGuardOptions = {
  ...recommended,
  budgetRequired: "mandatory",
  largestShareOfHost: "mandatory",
  contextAboveTraining: "mandatory",
  contextPerSlot: "mandatory",
  deprecatedQuantizations: "mandatory",
  pinnedSource: "mandatory",
  replicasAboveMacs: "mandatory",
};

/** To see what would be refused, without refusing anything. */
export const advisory: LlmGuardOptions = { all: "advisory" };

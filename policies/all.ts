import type { Rule, StackRule } from "./definition.ts";
import { contextAboveTraining } from "./rules/context-above-training.ts";
import { memoryBudgetValid } from "./rules/memory-budget-valid.ts";
import { memoryFits } from "./rules/memory-fits.ts";

/** Every policy of LlmGuard but memory-notes, in the order in which a resource is shown to them. */
export const RULES: readonly Rule[] = [memoryBudgetValid, memoryFits, contextAboveTraining];

export const STACK_RULES: readonly StackRule[] = [];

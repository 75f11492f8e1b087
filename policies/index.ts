import { resourcePolicy } from "./guard/dispatch.ts";
import { memoryNotes as notesOf } from "./guard/memory-notes.ts";
import { createRegistry } from "./guard/registry.ts";
import { createVoices } from "./guard/voices.ts";
import { memoryBudgetValid as budgetRule } from "./rules/memory-budget-valid.ts";
import { memoryFits as fitRule } from "./rules/memory-fits.ts";

export { LlmGuard, type LlmGuardOptions } from "./guard/llm-guard.ts";
export { advisory, recommended, strict } from "./presets.ts";

// Single policies for a pack of one's own, with the default options. They know of each other.
const registry = createRegistry();
const voices = createVoices(new Map([budgetRule, fitRule].map(({ name, level }) => [name, level])), registry);

export const memoryBudgetValid = resourcePolicy({ rule: budgetRule, registry, voices, faultsOf: ["Model"] }, {});
export const memoryFits = resourcePolicy({ rule: fitRule, registry, voices, faultsOf: ["InferenceService"] }, {});
export const memoryNotes = notesOf(registry);

export { memoryBudgetValid } from "./memory-budget-valid.ts";
export { memoryFits } from "./memory-fits.ts";
export { memoryNotes } from "./memory-notes.ts";

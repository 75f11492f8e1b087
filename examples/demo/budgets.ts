/**
 * The budgets of the demo for Gemma 3 270M (Q4_K_M). On a Mac the model needs more than on the CPU, and both must do what the headings
 * say.
 */
export const BUDGETS = {
  /** Less than 32,768 tokens need. */
  refused: "400Mi",
  /** Enough for 4,096 tokens, on Metal also while the weights are loaded. */
  served: "768Mi",
  /** Less than the weights take. */
  exceeded: "128Mi",
} as const;

import * as z from "zod";
import { likelyQuantity, quantityBytes } from "./quantity.ts";

const MAX_BUDGET = 2n ** 60n;

/**
 * An exponent of four digits and more, of which the API server's parser computes the whole power of ten: `1e-999999999`
 * occupies it for hours. Such a quantity is never a budget. In CEL `matches` finds it anywhere in the text, as `test` does.
 */
const ENDLESS_EXPONENT = "[eE][+-]?0*[1-9][0-9]{3}";

/** The first rule stands before the others, and so before the server's own parser. */
const CEL_BUDGET = [
  `!self.matches('${ENDLESS_EXPONENT}')`,
  "isQuantity(self)",
  "quantity(self).isGreaterThan(quantity('0'))",
  "!quantity(self).isGreaterThan(quantity('1Ei'))",
].join(" && ");

const EXPECTED_BUDGET = "a Kubernetes quantity of bytes above 0 and at most 1Ei";

/** `memoryBudget`: a quantity above 0 and at most 1Ei, refused by the API server and by the parser alike. */
export const memoryBudgetSchema = z
  .string()
  .max(32, { abort: true })
  .refine((budget) => budgetProblem(budget) === undefined, { error: (issue) => budgetProblem(String(issue.input)) })
  .meta({
    expected: EXPECTED_BUDGET,
    example: "24Gi",
    "x-kubernetes-validations": [
      { rule: CEL_BUDGET, message: `memoryBudget must be ${EXPECTED_BUDGET}, for example 24Gi` },
    ],
  });

function budgetProblem(budget: string): string | undefined {
  const bytes = new RegExp(ENDLESS_EXPONENT).test(budget) ? "malformed" : quantityBytes(budget);
  if (bytes === "malformed") {
    return `it must be a quantity of bytes: a number with a Kubernetes suffix, for example ${likelyQuantity(budget)}`;
  }
  if (budget.startsWith("-") || bytes === 0n) return "it must be above 0, for example 24Gi";
  return bytes === "too large" || bytes > MAX_BUDGET ? "it must be at most 1Ei, for example 24Gi" : undefined;
}

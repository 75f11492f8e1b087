import * as z from "zod";
import { readQuantity } from "./quantity.ts";

const MAX_BUDGET_BYTES = 2n ** 60n;

/**
 * An exponent of four digits or more must not reach the API server's parser, which computes such powers of ten in full
 * (`1e-999999999` occupies it for hours). No budget needs one.
 */
const HUGE_EXPONENT = "[eE][+-]?0*[1-9][0-9]{3}";

const CEL_BUDGET = [
  `!self.matches('${HUGE_EXPONENT}')`,
  "isQuantity(self)",
  "quantity(self).isGreaterThan(quantity('0'))",
  "!quantity(self).isGreaterThan(quantity('1Ei'))",
].join(" && ");

const EXPECTED_BUDGET = "a Kubernetes quantity of bytes above 0 and at most 1Ei";

/** `memoryBudget`: a quantity above 0 and at most 1Ei. The API server and the parser refuse anything else alike. */
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
  const read = readQuantity(budget);
  const huge = new RegExp(HUGE_EXPONENT).test(budget);
  if (read.kind === "malformed" || huge) {
    const example = read.kind === "malformed" ? read.example : "24Gi";
    return `it must be a quantity of bytes: a number with a Kubernetes suffix, for example ${example}`;
  }
  if (budget.startsWith("-") || (read.kind === "bytes" && read.bytes === 0n))
    return "it must be above 0, for example 24Gi";
  if (read.kind === "too large" || read.bytes > MAX_BUDGET_BYTES) return "it must be at most 1Ei, for example 24Gi";
  return undefined;
}

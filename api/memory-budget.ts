import * as z from "zod";

/**
 * The documented grammar of apimachinery's resource.Quantity. The exact arithmetic is memory/quantity.ts; here it only
 * matters whether a budget is one, is above 0 and is not absurd. Exponents end at 999: see CEL_BUDGET.
 */
const QUANTITY = /^(?<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?<unit>[KMGTPE]i|[numkMGTPE]?|[eE][+-]?0*\d{1,3})$/;

const UNITS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const MAX_BUDGET = 2 ** 60;

/**
 * The first term keeps exponents of four digits and more from the server's parser, which computes powers of ten that
 * large in full (`1e-999999999` occupies it for hours); such a quantity is never a budget.
 */
const CEL_BUDGET = [
  "!self.matches('[eE][+-]?0*[1-9][0-9]{3}')",
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
  const { number, unit } = QUANTITY.exec(budget)?.groups ?? {};
  if (number === undefined || unit === undefined) {
    const digits = /^([\d.]+)\s*([KMGTP])i?B?$/i.exec(budget);
    const example = digits ? `${digits[1]}${digits[2]?.toUpperCase()}i` : "24Gi";
    return `it must be a quantity of bytes: a number with a Kubernetes suffix, for example ${example}`;
  }
  // An underflow to 0 is caught by looking at the digits: the smallest amount above 0 counts as one byte.
  if (number.startsWith("-") || !/[1-9]/.test(number)) return "it must be above 0, for example 24Gi";
  const factor = UNITS[unit] ?? Number(`1${unit}`);
  if (Number(number) * factor > MAX_BUDGET) return "it must be at most 1Ei, for example 24Gi";
  return undefined;
}

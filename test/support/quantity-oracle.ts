import fc from "fast-check";
import { parseQuantity } from "../../api/quantity.ts";

/**
 * Quantities that other parsers get wrong, and what the grammar allows at its edges (docs/background/llmkube.md,
 * "Budget").
 */
export const TRAPS = [
  "24",
  "100m",
  "24GB",
  "24Gi",
  "0",
  "-0",
  "00",
  "-8Gi",
  "1e3",
  "1E3",
  "1E",
  "1e",
  "1e+3",
  "1e-3",
  "1.5Gi",
  "-1.5Gi",
  "+1",
  "++1",
  ".5",
  "5.",
  "-.5",
  ".",
  "+",
  "-",
  "Gi",
  "m",
  "e3",
  "1e400",
  "-1e400",
  "1e-400",
  "",
  " 1",
  "1 ",
  "1\n",
  "1_000",
  "1,5",
  "1.2.3",
  "0x10",
  "NaN",
  "Infinity",
  "1gi",
  "1GI",
  "1Kib",
  "1K",
  "1k",
  "1ki",
  "1u",
  "1n",
  "0.1n",
  "-0.1n",
  "0.1Ki",
  "1e3Gi",
  "1e3i",
  "1i",
  "１",
  "٣",
  "8Ei",
  "7Ei",
  "-8Ei",
  "9E",
  "10E",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "9223372036854775807.1",
  "9223372036854775806.5",
  "0.00000000000000000000000000000001",
  "0000000000000000000000000000000000000000000000000000000000001",
  "1".repeat(64),
  `0.${"3".repeat(62)}`,
  "1.0000000001Gi",
] as const;

const digits = fc.stringMatching(/^[0-9]{0,22}$/);
const sign = fc.constantFrom("", "", "", "-", "+");
const suffix = fc.oneof(
  fc.constantFrom("", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"),
  // Never more than three digits: the server computes powers of ten in full.
  fc.tuple(fc.constantFrom("e", "E"), sign, fc.integer({ min: 0, max: 400 })).map((parts) => parts.join("")),
  fc.constantFrom("B", "GB", "gi", "K", "i", "e", "E+", " Gi", "Gi ", "ee3", "e3.5", "MiB"),
);
const point = fc.oneof(
  fc.constant(""),
  digits.map((part) => `.${part}`),
);

/** Mostly numbers with a suffix, right or nearly right, and some text that is none. */
export const quantityTexts = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(sign, digits, point, suffix).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }).filter((text) => !/[eE][+-]?\d{4}/.test(text)) },
);

/** Numbers without a digit (`Gi`, `+`, `.`): the documented grammar has none, the server's scanner reads them as 0. */
const NUMBERLESS = /^[+-]?\.?(?![.\d])/;
const MAX_BYTES = (2n ** 63n - 1n).toString();

/**
 * A custom object that the API server accepts if, and only if, its CEL `quantity()` agrees with `parseQuantity` on `text`:
 * rounded away from zero to whole bytes, our answer is `outer`, and the next whole number towards zero, `inner`, is less.
 */
export function quantityQuestion(text: string): object {
  return {
    apiVersion: "test.example.com/v1",
    kind: "Quantity",
    metadata: { name: "q" },
    spec: { text, ...answer(text) },
  };
}

function answer(text: string): object {
  const parsed = parseQuantity(text);
  if (!parsed.ok && parsed.error.includes("more than 2^63-1 bytes")) return { verdict: "beyond", outer: MAX_BYTES };
  if (!parsed.ok) return { verdict: NUMBERLESS.test(text) ? "numberless" : "none" };
  const bytes = parsed.value;
  if (bytes === 0n) return { verdict: "zero" };
  return bytes > 0n
    ? { verdict: "positive", outer: String(bytes), inner: String(bytes - 1n) }
    : { verdict: "negative", outer: String(bytes), inner: String(bytes + 1n) };
}

const RULES: Readonly<Record<string, string>> = {
  none: "!isQuantity(self.text)",
  numberless: "!isQuantity(self.text) || quantity(self.text).compareTo(quantity('0')) == 0",
  zero: "isQuantity(self.text) && quantity(self.text).compareTo(quantity('0')) == 0",
  positive:
    "isQuantity(self.text) && quantity(self.text).compareTo(quantity(self.outer)) <= 0" +
    " && quantity(self.text).compareTo(quantity(self.inner)) > 0",
  negative:
    "isQuantity(self.text) && quantity(self.text).compareTo(quantity(self.outer)) >= 0" +
    " && quantity(self.text).compareTo(quantity(self.inner)) < 0",
  // The server caps some notations at 2^63-1 and keeps others as they are; we refuse both.
  beyond:
    "isQuantity(self.text) && (quantity(self.text).compareTo(quantity(self.outer)) >= 0" +
    " || quantity(self.text).compareTo(quantity('-' + self.outer)) <= 0)",
};

export function quantityCrd(): object {
  const text = { type: "string", maxLength: 64 };
  const spec = {
    type: "object",
    required: ["text", "verdict"],
    properties: { text, verdict: { type: "string", enum: Object.keys(RULES) }, outer: text, inner: text },
    "x-kubernetes-validations": Object.entries(RULES).map(([verdict, rule]) => ({
      rule: `self.verdict != '${verdict}' || (${rule})`,
      messageExpression: `"not ${verdict}: '" + self.text + "'"`,
    })),
  };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec } } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "quantities.test.example.com" },
    spec: {
      group: "test.example.com",
      scope: "Namespaced",
      names: { kind: "Quantity", plural: "quantities", singular: "quantity", listKind: "QuantityList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

import prettyBytes from "pretty-bytes";
import { fail, ok, type Result } from "./result.ts";

/** Largest quantity of bytes that anything here accepts: a signed 64-bit integer, as in Kubernetes. */
const MAX_BYTES = 2n ** 63n - 1n;

/** More digits, or a larger exponent, than any value up to {@link MAX_BYTES} or down to a nano-byte can need. */
const MAX_LENGTH = 64;
const MAX_EXPONENT = 64;

/** Suffix to [base, exponent]: the grammar of apimachinery's resource.Quantity. */
const SUFFIXES: Readonly<Record<string, readonly [base: 2n | 10n, exponent: number]>> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  "": [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};

const NUMBER = /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<part>\d*))?(?<suffix>.*)$/su;
const EXPONENT = /^[eE](?<exponent>[+-]?\d+)$/u;

/** Why a text is no quantity of bytes that can be used. */
export type QuantityFault = "malformed" | "too large";

/**
 * Bytes of a Kubernetes quantity (`24Gi`, `1.5G`, `1e9`, `512`), exact, rounded away from zero to a whole byte
 * (`100m` is 1 byte). The sign is kept: whether zero or a negative amount makes sense is the caller's rule.
 *
 * `malformed`: what `resource.ParseQuantity` refuses, and a suffix without a number (`Gi`), which is outside its documented
 * grammar and which its scanner reads as 0. `too large`: beyond 2^63-1 bytes, some of which it silently caps.
 */
export function quantityBytes(text: string): bigint | QuantityFault {
  const groups = text.length <= MAX_LENGTH ? NUMBER.exec(text)?.groups : undefined;
  const whole = groups?.["whole"] ?? "";
  const part = groups?.["part"] ?? "";
  if (groups === undefined || whole + part === "") return "malformed";

  const unit = unitOf(groups["suffix"] ?? "");
  if (unit === undefined) return "malformed";

  const digits = BigInt(whole + part);
  if (digits === 0n) return 0n;
  const sign = groups["sign"] === "-" ? -1n : 1n;
  const [base, exponent] = unit;
  if (Math.abs(exponent) > MAX_EXPONENT) return exponent > 0 ? "too large" : sign;

  const numerator = digits * (exponent > 0 ? base ** BigInt(exponent) : 1n);
  const denominator = 10n ** BigInt(part.length) * (exponent < 0 ? base ** BigInt(-exponent) : 1n);
  const bytes = (numerator + denominator - 1n) / denominator;
  return bytes > MAX_BYTES ? "too large" : sign * bytes;
}

/** {@link quantityBytes}, with a sentence where the text is none. */
export function parseQuantity(text: string): Result<bigint> {
  const bytes = quantityBytes(text);
  if (typeof bytes === "bigint") return ok(bytes);
  const shown = JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
  if (bytes === "too large") {
    return fail(`${shown} is more than 2^63-1 bytes; write the memory that a machine has, for example 24Gi`);
  }
  const example = likelyQuantity(text);
  return fail(`${shown} is not a quantity of bytes; write a number with a Kubernetes suffix, for example ${example}`);
}

/** The quantity that `16 GB`, `16g` and the like were probably meant to be; `24Gi` for everything else. */
export function likelyQuantity(text: string): string {
  const [, number, unit] = (text.length <= MAX_LENGTH && /^([\d.]+)\s*([KMGTP])i?B?$/iu.exec(text)) || [];
  return number === undefined || unit === undefined ? "24Gi" : `${number}${unit.toUpperCase()}i`;
}

const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti"] as const;

/** The shortest binary quantity of exactly these bytes: `"4Gi"`, or `"4294967297"` where no suffix divides them. */
export function exactQuantity(bytes: bigint): string {
  const power = BINARY_SUFFIXES.findLastIndex((_, index) => bytes > 0n && bytes % 1024n ** BigInt(index) === 0n);
  return power <= 0 ? String(bytes) : `${bytes / 1024n ** BigInt(power)}${BINARY_SUFFIXES[power]}`;
}

/** What was formatted lately: each figure costs a number format of Intl, and an agent shows the same ones each second. */
const formatted = new Map<number, string>();
const MOST_FORMATTED = 1000;

/** `"1.5 GiB"`: binary units, at most one decimal, for messages to people. */
export function formatBytes(bytes: number): string {
  const known = formatted.get(bytes);
  if (known !== undefined) return known;
  if (formatted.size >= MOST_FORMATTED) formatted.clear();
  const text = inWords(bytes);
  formatted.set(bytes, text);
  return text;
}

function inWords(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: 1, minimumFractionDigits: bytes < 1024 ? 0 : 1 });
}

function unitOf(suffix: string): readonly [base: 2n | 10n, exponent: number] | undefined {
  const exponent = EXPONENT.exec(suffix)?.groups?.["exponent"];
  if (exponent !== undefined) return [10n, Number(exponent)];
  return Object.hasOwn(SUFFIXES, suffix) ? SUFFIXES[suffix] : undefined;
}

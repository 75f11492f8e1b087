import prettyBytes from "pretty-bytes";
import { fail, ok, type Result } from "./result.ts";

/** The largest quantity of bytes: a signed 64-bit integer, as in Kubernetes. */
const MAX_BYTES = 2n ** 63n - 1n;

/** No value between a nano-byte and {@link MAX_BYTES} needs more characters, or a larger exponent. */
const MAX_LENGTH = 64;
const MAX_EXPONENT = 64;

/** Each suffix as [base, exponent]: the grammar of apimachinery's resource.Quantity. */
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

/** What a text is when it is read as a quantity of bytes. */
export type Quantity =
  | { readonly kind: "bytes"; readonly bytes: bigint }
  /** `example` is the valid quantity that was probably meant. */
  | { readonly kind: "malformed"; readonly example: string }
  | { readonly kind: "too large" };

/**
 * Bytes of a Kubernetes quantity (`24Gi`, `1.5G`, `1e9`, `512`), exact, rounded away from zero to a whole byte
 * (`100m` is 1 byte). Zero and negative amounts are valid here; the caller decides whether they make sense.
 *
 * Fails on what `resource.ParseQuantity` refuses, on amounts beyond 2^63-1 bytes, some of which it silently caps, and on
 * a suffix without a number (`Gi`), which is outside its documented grammar and which its scanner reads as 0.
 */
export function parseQuantity(text: string): Result<bigint> {
  const read = readQuantity(text);
  if (read.kind === "bytes") return ok(read.bytes);
  const shown = JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
  if (read.kind === "malformed") {
    const remedy = `write a number with a Kubernetes suffix, for example ${read.example}`;
    return fail(`${shown} is not a quantity of bytes; ${remedy}`);
  }
  return fail(`${shown} is more than 2^63-1 bytes; write an amount that a machine can have, for example 24Gi`);
}

/** As {@link parseQuantity}, for callers that word the failure themselves. */
export function readQuantity(text: string): Quantity {
  const groups = text.length <= MAX_LENGTH ? NUMBER.exec(text)?.groups : undefined;
  const whole = groups?.["whole"] ?? "";
  const part = groups?.["part"] ?? "";
  if (groups === undefined || whole + part === "") return malformed(text);

  const unit = unitOf(groups["suffix"] ?? "");
  if (unit === undefined) return malformed(text);

  const digits = BigInt(whole + part);
  if (digits === 0n) return { kind: "bytes", bytes: 0n };
  const sign = groups["sign"] === "-" ? -1n : 1n;
  const [base, exponent] = unit;
  if (Math.abs(exponent) > MAX_EXPONENT) return exponent > 0 ? { kind: "too large" } : { kind: "bytes", bytes: sign };

  const numerator = digits * (exponent > 0 ? base ** BigInt(exponent) : 1n);
  const denominator = 10n ** BigInt(part.length) * (exponent < 0 ? base ** BigInt(-exponent) : 1n);
  const bytes = (numerator + denominator - 1n) / denominator;
  return bytes > MAX_BYTES ? { kind: "too large" } : { kind: "bytes", bytes: sign * bytes };
}

/** `"1.5 GiB"`: binary units, at most one decimal, for messages to people. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes, { binary: true, maximumFractionDigits: 1, minimumFractionDigits: bytes < 1024 ? 0 : 1 });
}

function unitOf(suffix: string): readonly [base: 2n | 10n, exponent: number] | undefined {
  const exponent = EXPONENT.exec(suffix)?.groups?.["exponent"];
  if (exponent !== undefined) return [10n, Number(exponent)];
  return Object.hasOwn(SUFFIXES, suffix) ? SUFFIXES[suffix] : undefined;
}

function malformed(text: string): Quantity {
  const near = /^([\d.]+)\s*([KMGTP])i?B?$/iu.exec(text);
  return { kind: "malformed", example: near ? `${near[1]}${near[2]?.toUpperCase()}i` : "24Gi" };
}

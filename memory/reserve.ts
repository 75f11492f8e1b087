import { formatBytes, parseQuantity } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";

/** The least that may be reserved, in bytes: less is a slip, such as a number without its unit. */
export const LEAST_RESERVE_BYTES = 2 ** 30;

/**
 * The bytes of a `--reserve`: a Kubernetes quantity of at least {@link LEAST_RESERVE_BYTES}. What is too much for a machine is found
 * by `resolveAllocatable`.
 */
export function parseReserve(text: string): Result<number> {
  const bytes = parseQuantity(text);
  if (!bytes.ok) return bytes;
  if (bytes.value >= BigInt(LEAST_RESERVE_BYTES)) return ok(Number(bytes.value));
  const least = formatBytes(LEAST_RESERVE_BYTES);
  return fail(`${JSON.stringify(text)} is too little: the system itself needs at least ${least}, for example 4Gi`);
}

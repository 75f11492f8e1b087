import { isFields } from "../../api/document.ts";

/**
 * Whether `live` has all that `wanted` says: then an apply would change nothing. What is only in `live` is somebody else's, or a default of
 * the server's. Lists of named things are compared by name, as the server merges them; others must have the same length and order.
 */
export function holds(wanted: unknown, live: unknown): boolean {
  if (wanted === undefined) return true;
  if (Array.isArray(wanted)) return Array.isArray(live) && holdsList(wanted, live);
  if (!isFields(wanted)) return wanted === live;
  if (!isFields(live)) return Object.keys(wanted).length === 0 && live === undefined;
  return Object.entries(wanted).every(([key, value]) => holds(value, live[key]));
}

function holdsList(wanted: readonly unknown[], live: readonly unknown[]): boolean {
  const key = KEYS.find((one) => [...wanted, ...live].every((item) => isFields(item) && typeof item[one] === "string"));
  if (key === undefined || wanted.length === 0) {
    return wanted.length === live.length && wanted.every((item, index) => holds(item, live[index]));
  }
  return wanted.every((item) =>
    live.some((other) => isFields(item) && isFields(other) && item[key] === other[key] && holds(item, other)),
  );
}

/** By which the API server merges lists of containers, ports of a Service, variables, owners, conditions. */
const KEYS = ["uid", "name", "type"] as const;

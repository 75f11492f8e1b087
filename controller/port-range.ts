import { fail, ok, type Result } from "../api/result.ts";
import type { PortRange } from "../serving/ports.ts";

const LOWEST = 1024;
const HIGHEST = 65_535;

/** Parses `18000-19999`: ports that need no privilege. */
export function parsePortRange(text: string): Result<PortRange> {
  const [, low = "", high = ""] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high)];
  if (low !== "" && first >= LOWEST && last <= HIGHEST && first <= last) return ok({ first, last });
  return fail(`${JSON.stringify(text)} is no range of ports from ${LOWEST} to ${HIGHEST}: for example 18000-19999`);
}

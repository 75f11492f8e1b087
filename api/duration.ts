const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const PART = /(\d+(?:\.\d+)?)(ms|h|m|s)/g;

/** Milliseconds of a duration as Go and kubectl write it (`1h30m`, `90s`); undefined for anything else, and for 0. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(PART)];
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit as keyof typeof UNITS], 0);
  return total > 0 ? total : undefined;
}

const AGES = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** How long ago that was, in the largest unit of which it has one, cut off and not rounded: `3m ago`; `0s ago` for a moment, or the future. */
export function formatAgo(milliseconds: number): string {
  const [unit, size] = AGES.find(([, least]) => milliseconds >= least) ?? ["s", 1000];
  return `${Math.max(0, Math.floor(milliseconds / size))}${unit} ago`;
}

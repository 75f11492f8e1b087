const SUFFIXES = ["", "k", "M", "G", "T", "P", "E"] as const;

/**
 * Whole bytes as the API server writes them back (`5000000000` becomes `5G`), so that what was applied compares equal with what was
 * meant.
 */
export function canonicalBytes(bytes: number): string {
  let value = BigInt(bytes);
  let power = 0;
  while (value !== 0n && value % 1000n === 0n && power < SUFFIXES.length - 1) {
    value /= 1000n;
    power += 1;
  }
  return `${value}${SUFFIXES[power]}`;
}

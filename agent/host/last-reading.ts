/**
 * A probe that nobody waits for: gives what it read last and, unless one is under way, begins the next reading. Null until
 * the first one is there, and after one that failed.
 */
export function lastReading(probe: () => Promise<number | null>): () => number | null {
  let value: number | null = null;
  let reading = false;
  return () => {
    if (!reading) {
      reading = true;
      const keep = (read: number | null) => {
        value = read;
        reading = false;
      };
      probe().then(keep, () => keep(null));
    }
    return value;
  };
}

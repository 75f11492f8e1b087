/**
 * Makes a slow probe available without waiting: each call returns the last reading and starts the next one, unless one is under way.
 * Null before the first reading and after one that failed.
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

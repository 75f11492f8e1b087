/**
 * Makes a slow probe available without waiting: each call returns the last reading and starts the next one, unless one is under way, or
 * began less than `everyMs` ago. Null before the first reading and after one that failed.
 *
 * @param clock milliseconds that never go back
 */
export function lastReading(
  probe: () => Promise<number | null>,
  everyMs = 0,
  clock: () => number = () => performance.now(),
): () => number | null {
  let value: number | null = null;
  let reading = false;
  let beganAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (!reading && clock() - beganAt >= everyMs) {
      reading = true;
      beganAt = clock();
      const keep = (read: number | null) => {
        value = read;
        reading = false;
      };
      probe().then(keep, () => keep(null));
    }
    return value;
  };
}

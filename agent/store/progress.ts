import { formatBytes } from "../../api/quantity.ts";

/** The rate is an average over this time: long enough to be steady, short enough to follow the network. */
const WINDOW_MS = 10_000;
/** No rate is given before this time has passed. */
const SETTLED_MS = 1000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** Bytes per second over the last ten seconds; undefined in the first second. `clock` is monotonic, in milliseconds. */
export function rateMeter(clock: () => number) {
  const start: Sample = { at: clock(), bytes: 0 };
  let samples: readonly Sample[] = [start];
  let total = 0;
  return {
    add(bytes: number): void {
      total += bytes;
      const at = clock();
      if (at - (samples.at(-1)?.at ?? 0) < WINDOW_MS / 50) return;
      const recent = samples.filter((sample) => at - sample.at <= WINDOW_MS);
      samples = [...recent, { at, bytes: total }];
    },
    bytesPerSecond(): number | undefined {
      const [oldest = start] = samples;
      const elapsed = clock() - oldest.at;
      return elapsed < SETTLED_MS ? undefined : ((total - oldest.bytes) / elapsed) * 1000;
    },
  };
}

/** `"42%, 17.2 MiB/s, 3 min left"`; without a rate `"42%"`. */
export function progressText(done: number, total: number, bytesPerSecond: number | undefined): string {
  const percent = `${Math.floor((done / total) * 100)}%`;
  if (bytesPerSecond === undefined || bytesPerSecond < 1) return percent;
  const rate = formatBytes(Math.round(bytesPerSecond));
  return `${percent}, ${rate}/s, ${durationText((total - done) / bytesPerSecond)} left`;
}

function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

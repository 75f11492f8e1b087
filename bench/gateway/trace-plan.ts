/** One request of a trace. */
export interface Planned {
  /** Milliseconds from the start of the trace. */
  readonly atMs: number;
  /** Index of the model, 0 the most wanted. */
  readonly model: number;
}

export interface TraceShape {
  readonly requests: number;
  readonly models: number;
  /** From the first request to the last, in milliseconds. */
  readonly overMs: number;
  /** The same seed gives the same trace. */
  readonly seed: number;
}

/** Exponent of the models' weights: the first of six gets 41 % of the bursts. */
const ZIPF_EXPONENT = 1;
/** Requests of a burst, all for one model: as an editor or an agent sends them. */
const SHORTEST_BURST = 2;
const LONGEST_BURST = 16;
/** Between two requests of a burst, as a share of the trace's mean distance. */
const BURST_DISTANCE = 0.4;

/**
 * Requests as people make them: bursts for one model, the models by Zipf's law, the bursts at random times. Sorted by time. The times of
 * requests do not depend on answers (an open loop).
 */
export function planTrace({ requests, models, overMs, seed }: TraceShape): readonly Planned[] {
  const random = randomOf(seed);
  const meanMs = overMs / requests;
  const planned: Planned[] = [];
  while (planned.length < requests) {
    const model = pick(zipf(models), random());
    const length = SHORTEST_BURST + Math.floor(random() * (LONGEST_BURST - SHORTEST_BURST + 1));
    let atMs = random() * overMs;
    for (const end = Math.min(requests, planned.length + length); planned.length < end; ) {
      planned.push({ atMs, model });
      atMs += -Math.log(1 - random()) * meanMs * BURST_DISTANCE;
    }
  }
  return scaled(
    planned.toSorted((one, other) => one.atMs - other.atMs),
    overMs,
  );
}

/** The first request at 0, the last at `overMs`. */
function scaled(planned: readonly Planned[], overMs: number): readonly Planned[] {
  const first = planned[0]?.atMs ?? 0;
  const last = planned.at(-1)?.atMs ?? 0;
  const factor = last === first ? 0 : overMs / (last - first);
  return planned.map(({ atMs, model }) => ({ atMs: (atMs - first) * factor, model }));
}

/** Shares of `models` by Zipf's law; their sum is 1. */
export function zipf(models: number): readonly number[] {
  const weights = Array.from({ length: models }, (_, index) => (index + 1) ** -ZIPF_EXPONENT);
  const sum = weights.reduce((one, other) => one + other, 0);
  return weights.map((weight) => weight / sum);
}

function pick(shares: readonly number[], at: number): number {
  let below = 0;
  for (const [index, share] of shares.entries()) {
    below += share;
    if (at < below) return index;
  }
  return shares.length - 1;
}

/** Numbers from 0 up to 1, the same for the same seed: a linear congruential generator, which is random enough for a trace. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

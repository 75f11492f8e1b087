import type { Sighting } from "../decisions/watch.ts";
import type { Report } from "./protocol.ts";

/** What the main part knows from the last report. */
export interface Known {
  readonly sightings: ReadonlyMap<string, Sighting>;
  /** When the report came, in milliseconds of the main part's clock. */
  readonly at: number;
}

/** Its clock and this one differ by a constant, apart from how long the report was under way. */
export function received({ now, sightings }: Report, at: number): Known {
  const here = (there: number) => at - (now - there);
  const moved = sightings.map(([key, { footprint, stop, ...rest }]): readonly [string, Sighting] => {
    const { sampledAt, flatSince, ...samples } = footprint;
    const times = {
      ...(sampledAt !== undefined && { sampledAt: here(sampledAt) }),
      ...(flatSince !== undefined && { flatSince: here(flatSince) }),
    };
    const known = { ...rest, footprint: { ...samples, ...times } };
    return [key, stop === undefined ? known : { ...known, stop: { ...stop, at: here(stop.at) } }];
  });
  return { at, sightings: new Map(moved) };
}

/** Whether the watchdog has begun a stop, or measured a process for the first time. */
export function isNews(before: Known, { sightings }: Known): boolean {
  return [...sightings].some(([key, { pid, stop }]) => {
    const old = before.sightings.get(key);
    return old?.pid !== pid || (old.stop === undefined && stop !== undefined);
  });
}

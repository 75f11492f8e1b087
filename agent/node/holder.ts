/** Seconds for which a Lease counts after its last renewal, as kubelet's (`nodeLeaseDurationSeconds`). */
export const LEASE_SECONDS = 40;
/** Milliseconds between two renewals: a quarter of that, as kubelet's. */
export const RENEW_MS = 10_000;

/** The Node's Lease as the API server has it. */
export interface LiveLease {
  readonly resourceVersion: string;
  readonly holder: string;
  /** RFC 3339 with microseconds; undefined where it was never renewed. */
  readonly renewTime: string | undefined;
}

/** A Lease of somebody else, since when it is watched. Times are milliseconds of the injected clock, never of a wall. */
export interface Observed {
  readonly resourceVersion: string;
  readonly since: number;
}

/** What to do about the Lease of this name. */
export type LeaseStep =
  | { readonly step: "take" }
  /** It may be that of an agent that runs, or of one that is dead. */
  | { readonly step: "watch"; readonly observed: Observed }
  | { readonly step: "refuse"; readonly holder: string };

/**
 * Who may have the name of this Node. The agent with the same state folder on the same machine goes on at once, after a crash too. Another
 * one must see the Lease unchanged for its whole duration; one renewal shows that its holder lives. No clock of another machine is asked,
 * so that a Mac with a wrong one neither takes a living Node nor waits for ever.
 */
export function leaseStep(
  live: LiveLease | undefined,
  own: string,
  observed: Observed | undefined,
  now: number,
): LeaseStep {
  if (live === undefined || live.holder === own || live.holder === "") return { step: "take" };
  const { holder, resourceVersion } = live;
  if (observed === undefined) return { step: "watch", observed: { resourceVersion, since: now } };
  if (observed.resourceVersion !== resourceVersion) return { step: "refuse", holder };
  return now - observed.since > LEASE_SECONDS * 1000 ? { step: "take" } : { step: "watch", observed };
}

/** `mac-1_0123456789abcdef`: the Node, and which agent. */
export function holderOf(name: string, instance: string): string {
  return `${name}_${instance}`;
}

/**
 * The time of a renewal: now, but always after the one before. Kubernetes takes a Lease for renewed only where its time has grown, so a clock
 * that is put back would make a living Mac count as dead until it has caught up.
 *
 * @param before that of the last renewal, in microseconds since 1970; undefined: none
 */
export function renewalTime(before: number | undefined, now: number): number {
  const wanted = Math.round(now * 1000);
  return before === undefined || wanted > before ? wanted : before + 1;
}

/** `2026-11-26T17:00:00.000001Z`, of microseconds since 1970. */
export function microTime(microseconds: number): string {
  const fraction = String(microseconds % 1_000_000).padStart(6, "0");
  return `${new Date(Math.floor(microseconds / 1_000_000) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Undefined where it is no time. */
export function microseconds(time: string | undefined): number | undefined {
  const [, whole, fraction = ""] = /^(.*?)(?:\.(\d{1,9}))?Z$/.exec(time ?? "") ?? [];
  const seconds = whole === undefined ? Number.NaN : Date.parse(`${whole}Z`) / 1000;
  return Number.isFinite(seconds) ? seconds * 1_000_000 + Number(fraction.padEnd(6, "0").slice(0, 6)) : undefined;
}

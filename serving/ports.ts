import { createHash } from "node:crypto";
import { fail, ok, type Result } from "../api/result.ts";

/** Both ends belong to it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A port that a service has been given. */
export interface PortHolder {
  /** `namespace/name` of the InferenceService. */
  readonly service: string;
  readonly port: number;
}

/** Who holds each port. Where two services hold one, the first of their names keeps it, whatever the order they are given in. */
export function portsHeld(holders: Iterable<PortHolder>): ReadonlyMap<number, string> {
  const held = new Map<number, string>();
  for (const { service, port } of holders) {
    const other = held.get(port);
    if (other === undefined || service < other) held.set(port, service);
  }
  return held;
}

/** The lowest port that needs no special right. */
const LEAST = 1024;
const MOST = 65_535;

/**
 * The port on which all replicas of a service listen. One that the service holds is kept, within the range or not: a changed range
 * restarts no server. Else the first free one from a place in the range that depends on the service's name alone, so that two controllers
 * choose alike. Fails where the range is none, or used up.
 *
 * @param held {@link portsHeld}
 * @param service `namespace/name`
 * @param kept the port that the service's Deployment has
 */
export function allocatePort(
  held: ReadonlyMap<number, string>,
  service: string,
  { first, last }: PortRange,
  kept?: number,
): Result<number> {
  const isFree = (port: number) => (held.get(port) ?? service) === service;
  if (kept !== undefined && kept >= LEAST && kept <= MOST && isFree(kept)) return ok(kept);
  const count = last - first + 1;
  if (!(Number.isInteger(first) && Number.isInteger(last) && first >= LEAST && last <= MOST && count >= 1)) {
    return fail(`the range of ports ${first}-${last} must lie between ${LEAST} and ${MOST}, the lower one first`);
  }
  const start = createHash("sha256").update(service).digest().readUInt32BE() % count;
  for (let step = 0; step < count; step += 1) {
    const port = first + ((start + step) % count);
    if (isFree(port)) return ok(port);
  }
  return fail(
    `all ${count} ports from ${first} to ${last} are given to other services: give the controller a larger range, or delete services`,
  );
}

import { allocatePort, type PortRange, portsHeld } from "../../../serving/ports.ts";

/** Beside the ports that people choose, and below those that systems give to outgoing connections. */
export const PORTS_BY_NAME: PortRange = { first: 20_000, last: 29_999 };

/** A service of this Mac, whether it is to run or not: one that is suspended finds its port again. */
export interface PortAsker {
  /** `namespace/name`. */
  readonly name: string;
  /** The port that its manifest names; undefined: any. */
  readonly asked: number | undefined;
  /** The port that its server has; undefined: it does not run. */
  readonly running: number | undefined;
}

/** No service has this name, and it comes before all others. */
const NOBODY = "";

/**
 * A port for each service that names none. One that runs keeps the port that it has; every other gets the first from a place that depends
 * on its name alone, past those that others name, run on, or got before it, in the order of their names. A service for which all are
 * taken is absent.
 *
 * @param taken ports of this machine that are not to be given: of the gateway, and of servers whose manifests are gone
 */
export function portsByName(services: readonly PortAsker[], taken: Iterable<number>): ReadonlyMap<string, number> {
  const inOrder = services.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const settled = inOrder.flatMap(({ name, asked, running }) =>
    [asked, running].flatMap((port) => (port === undefined ? [] : [{ service: name, port }])),
  );
  const held = new Map(portsHeld([...settled, ...[...taken].map((port) => ({ service: NOBODY, port }))]));
  const given = new Map<string, number>();
  for (const { name, asked, running } of inOrder) {
    if (asked !== undefined) continue;
    if (running !== undefined && held.get(running) !== NOBODY) {
      given.set(name, running);
      continue;
    }
    const port = allocatePort(held, name, PORTS_BY_NAME);
    if (!port.ok) continue;
    held.set(port.value, name);
    given.set(name, port.value);
  }
  return given;
}

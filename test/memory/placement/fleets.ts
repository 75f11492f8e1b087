import fc from "fast-check";
import { GiB } from "../../../api/bytes.ts";
import type { Demands } from "../../../memory/placement/demands.ts";
import type { Host } from "../../../memory/placement/host.ts";
import type { Bound, Waiting, Workload } from "../../../memory/placement/workload.ts";

const ANYWHERE: Demands = { nodeSelector: {}, terms: undefined, tolerations: [] };

export function host(name: string, gib: number, more: Partial<Host> = {}): Host {
  return {
    name,
    allocatableBytes: gib * GiB,
    allocatablePods: 110,
    memoryMiB: gib * 1024,
    workingSetMiB: undefined,
    labels: { name },
    taints: [],
    unschedulable: false,
    isReady: true,
    ...more,
  };
}

export function workload(name: string, gib: number, priority = 0, more: Partial<Workload> = {}): Workload {
  return { name, needBytes: gib * GiB, port: portOf(name), priority, demands: ANYWHERE, hasOtherRules: false, ...more };
}

export function bound(pod: string, on: string, gib: number, priority = 0, more: Partial<Bound> = {}): Bound {
  return { pod, host: on, needBytes: gib * GiB, ports: [portOf(pod)], priority, ...more };
}

/** Another port for each name. */
function portOf(name: string): number {
  return 1024 + [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 60_000, 7);
}

export interface FleetCase {
  readonly hosts: readonly Host[];
  readonly bound: readonly Bound[];
  readonly waiting: readonly Waiting[];
}

const size = fc.integer({ min: 1, max: 12 });
const priority = fc.constantFrom(0, 10, 100);

const demands = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ANYWHERE) },
  fc.constantFrom("h0", "h1").map((name): Demands => ({ ...ANYWHERE, nodeSelector: { name } })),
);

/** Up to four Macs and six workloads: enough for every way in which they can be in each other's way. */
export const fleetCases: fc.Arbitrary<FleetCase> = fc
  .record({
    hosts: fc.array(
      fc.record({ gib: fc.integer({ min: 1, max: 16 }), pods: fc.constantFrom(1, 2, 110), cordoned: fc.nat(9) }),
      { minLength: 1, maxLength: 4 },
    ),
    bound: fc.array(fc.record({ on: fc.nat(3), gib: size, priority }), { maxLength: 4 }),
    waiting: fc.array(
      fc.record({ gib: size, priority, replicas: fc.integer({ min: 1, max: 3 }), demands, samePort: fc.nat(5) }),
      { maxLength: 6 },
    ),
  })
  .map(({ hosts, bound: running, waiting }) => {
    const named = hosts.map(({ gib, pods, cordoned }, index) =>
      host(`h${index}`, gib, { allocatablePods: pods, unschedulable: cordoned === 0 }),
    );
    return {
      hosts: named,
      bound: fitting(
        named,
        running.map((one, index) => bound(`b${index}`, `h${one.on}`, one.gib, one.priority)),
      ),
      waiting: waiting.map((one, index) => ({
        replicas: one.replicas,
        workload: workload(`w${index}`, one.gib, one.priority, {
          demands: one.demands,
          ...(one.samePort === 0 && { port: 999 }),
        }),
      })),
    };
  });

/** Those of them that are on a host with room for them, as the scheduler would have bound them. */
function fitting(hosts: readonly Host[], running: readonly Bound[]): readonly Bound[] {
  const kept: Bound[] = [];
  for (const one of running) {
    const on = hosts.find(({ name }) => name === one.host);
    const there = kept.filter(({ host: name }) => name === one.host);
    const bytes = there.reduce((sum, { needBytes }) => sum + needBytes, one.needBytes);
    if (on !== undefined && bytes <= on.allocatableBytes && there.length < on.allocatablePods) kept.push(one);
  }
  return kept;
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { GiB } from "../../../api/bytes.ts";
import { mismatch } from "../../../memory/placement/demands.ts";
import type { Host } from "../../../memory/placement/host.ts";
import { type Outcome, place } from "../../../memory/placement/place.ts";
import type { Bound, Waiting, Workload } from "../../../memory/placement/workload.ts";
import { bound, type FleetCase, fleetCases, host, workload } from "./fleets.ts";

function one(workload: Workload, replicas = 1): Waiting {
  return { workload, replicas };
}

/** `a#1 runs h0`, `b#1 stays out` */
function told(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes.map((outcome) => {
    const end = outcome.kind === "stays out" ? "" : ` ${outcome.host}`;
    return `${outcome.workload}#${outcome.replica} ${outcome.kind}${end}`;
  });
}

describe("place", () => {
  const table: readonly (readonly [what: string, fleet: FleetCase, outcomes: readonly string[]])[] = [
    [
      "takes the only Mac with room",
      { hosts: [host("h0", 4), host("h1", 8)], bound: [], waiting: [one(workload("a", 6))] },
      ["a#1 runs h1"],
    ],
    [
      "fills a Mac to its last byte",
      { hosts: [host("h0", 6)], bound: [], waiting: [one(workload("a", 6))] },
      ["a#1 runs h0"],
    ],
    [
      "puts two replicas on two Macs",
      { hosts: [host("h0", 16), host("h1", 16)], bound: [], waiting: [one(workload("a", 6), 2)] },
      ["a#1 runs h0", "a#2 runs h1"],
    ],
    [
      "has no second replica on one Mac, however large",
      { hosts: [host("h0", 64)], bound: [], waiting: [one(workload("a", 6), 2)] },
      ["a#1 runs h0", "a#2 stays out"],
    ],
    [
      "prefers the Mac that has the weights",
      {
        hosts: [host("h0", 16), host("h1", 12, { labels: { w: "" } })],
        bound: [],
        waiting: [one(workload("a", 6, 0, { weightsLabel: "w" }))],
      },
      ["a#1 runs h1"],
    ],
    [
      "promises nothing where the scheduler's choice for one decides about the other",
      { hosts: [host("h0", 10), host("h1", 6)], bound: [], waiting: [one(workload("a", 6)), one(workload("b", 10))] },
      ["a#1 runs h0", "b#1 stays out"],
    ],
    [
      "promises both where each has a place of its own",
      {
        hosts: [host("h0", 10), host("h1", 6)],
        bound: [],
        waiting: [one(workload("a", 10, 10)), one(workload("b", 6))],
      },
      ["a#1 runs h0", "b#1 runs h1"],
    ],
    [
      "promises no more than there is room for among equals",
      {
        hosts: [host("h0", 10), host("h1", 10)],
        bound: [],
        waiting: ["a", "b", "c"].map((name) => one(workload(name, 6))),
      },
      ["a#1 may run h0", "b#1 may run h1", "c#1 stays out"],
    ],
    [
      "lets a higher priority go first",
      { hosts: [host("h0", 10)], bound: [], waiting: [one(workload("a", 6)), one(workload("b", 6, 10))] },
      ["b#1 runs h0", "a#1 stays out"],
    ],
    [
      "displaces a lower priority",
      { hosts: [host("h0", 10)], bound: [bound("low", "h0", 8, 0)], waiting: [one(workload("a", 6, 10))] },
      ["a#1 runs h0"],
    ],
    [
      "displaces no equal",
      { hosts: [host("h0", 10)], bound: [bound("same", "h0", 8, 10)], waiting: [one(workload("a", 6, 10))] },
      ["a#1 stays out"],
    ],
    [
      "leaves a cordoned Mac alone",
      { hosts: [host("h0", 10, { unschedulable: true })], bound: [], waiting: [one(workload("a", 6))] },
      ["a#1 stays out"],
    ],
    [
      "promises nothing of one with rules that are not looked at",
      { hosts: [host("h0", 10)], bound: [], waiting: [one(workload("a", 6, 0, { hasOtherRules: true }))] },
      ["a#1 may run h0"],
    ],
    ["knows what to do without a Mac", { hosts: [], bound: [], waiting: [one(workload("a", 6))] }, ["a#1 stays out"]],
  ];
  for (const [what, fleet, outcomes] of table) {
    it(what, () => assert.deepEqual(told(place(fleet.hosts, fleet.bound, fleet.waiting).outcomes), outcomes));
  }

  it("names what yields: the least, of the lowest priority", () => {
    const hosts = [host("h0", 10), host("h1", 10)];
    const running = [bound("x", "h0", 8, 5), bound("y", "h1", 4, 1), bound("z", "h1", 4, 2)];
    const [outcome] = place(hosts, running, [one(workload("a", 4, 10))]).outcomes;
    assert.ok(outcome?.kind === "runs");
    assert.equal(outcome.host, "h1");
    assert.deepEqual(
      outcome.displaces.map(({ pod }) => pod),
      ["y"],
    );
  });

  it("says of each Mac why not", () => {
    const hosts = [
      host("h0", 4),
      host("h1", 16),
      host("h2", 16, { allocatablePods: 0 }),
      host("h3", 16, { taints: [{ key: "t", value: "", effect: "NoSchedule" }] }),
      host("h4", 16, { unschedulable: true }),
      host("h5", 16, { labels: {} }),
    ];
    const a = workload("a", 6, 0, {
      demands: {
        nodeSelector: {},
        terms: [{ matchExpressions: [{ key: "name", operator: "Exists" }] }],
        tolerations: [],
      },
    });
    const running = [bound("a-1", "h1", 6, 0, { ports: [a.port] })];
    const [outcome] = place(hosts, running, [one(a)]).outcomes;
    assert.ok(outcome?.kind === "stays out");
    assert.deepEqual(Object.fromEntries(outcome.reasons), {
      h0: "memory",
      h1: "port",
      h2: "pods",
      h3: "taint",
      h4: "cordoned",
      h5: "labels",
    });
  });

  it("never overfills a Mac, gives a port twice, or more pods than it takes", () => {
    fc.assert(
      fc.property(fleetCases, ({ hosts, bound: running, waiting }) => {
        for (const { host: mac, freeBytes, freePods, bound: there } of place(hosts, running, waiting).rooms.values()) {
          assert.ok(freeBytes >= 0 && freePods >= 0, mac.name);
          const ports = there.flatMap(({ ports }) => ports);
          assert.equal(new Set(ports).size, ports.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on the order in which anything is given", () => {
    const shuffled = fleetCases.chain((fleet) =>
      fc.record({
        fleet: fc.constant(fleet),
        hosts: fc.shuffledSubarray([...fleet.hosts], { minLength: fleet.hosts.length }),
        bound: fc.shuffledSubarray([...fleet.bound], { minLength: fleet.bound.length }),
        waiting: fc.shuffledSubarray([...fleet.waiting], { minLength: fleet.waiting.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ fleet, ...other }) => {
        const [a, b] = [fleet, other].map(({ hosts, bound: running, waiting }) => place(hosts, running, waiting));
        assert.deepEqual(a?.outcomes, b?.outcomes);
      }),
      { numRuns: 300 },
    );
  });

  it("lets nothing be displaced by what has no higher priority", () => {
    fc.assert(
      fc.property(fleetCases, ({ hosts, bound: running, waiting }) => {
        for (const outcome of place(hosts, running, waiting).outcomes) {
          const priority = waiting.find(({ workload: { name } }) => name === outcome.workload)?.workload.priority ?? 0;
          const displaced = outcome.kind === "stays out" ? [] : outcome.displaces;
          for (const one of displaced) assert.ok(one.priority < priority);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("lets no lower priority take anything from a higher one that waits", () => {
    fc.assert(
      fc.property(fleetCases, ({ hosts, bound: running, waiting }) => {
        for (const level of [10, 100]) {
          const above = waiting.filter(({ workload: { priority } }) => priority >= level);
          const names = new Set(above.map(({ workload: { name } }) => name));
          const all = place(hosts, running, waiting).outcomes.filter(({ workload: name }) => names.has(name));
          assert.deepEqual(told(all), told(place(hosts, running, above).outcomes));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("promises a place only where one is left whatever a scheduler chooses, in whatever order", () => {
    const cases = fc.record({ fleet: fleetCases, seed: fc.integer() });
    fc.assert(
      fc.property(cases, ({ fleet, seed }) => {
        const random = numbers(seed);
        const promised = place(fleet.hosts, fleet.bound, fleet.waiting).outcomes.filter(({ kind }) => kind === "runs");
        const running = playScheduler(fleet, random);
        for (const [name, outcomes] of Map.groupBy(promised, ({ workload: of }) => of)) {
          const there = running.filter(({ workload: of }) => of === name).length;
          assert.ok(there >= outcomes.length, `${name}: ${there} of ${outcomes.length} promised`);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("promises most of what has a place", () => {
    const kinds = fc
      .sample(fleetCases, { numRuns: 500, seed: 1 })
      .flatMap(({ hosts, bound: running, waiting }) => place(hosts, running, waiting).outcomes.map(({ kind }) => kind));
    const count = (kind: Outcome["kind"]) => kinds.filter((one) => one === kind).length;
    assert.ok(count("runs") > count("may run"), `${count("runs")} run, ${count("may run")} may`);
    assert.ok(count("may run") > 0 && count("stays out") > 0);
  });
});

/** Numbers from 0 to below 1, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A stand-in for a scheduler that knows the rules, and chooses at random among what they allow: which of those that wait comes next, on
 * which Mac, and that all of a lower priority there yield. What has yielded waits again. It ends when nobody who waits has a place.
 */
function playScheduler({ hosts, bound: running, waiting }: FleetCase, random: () => number): readonly Bound[] {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];
  // Of what ran before no demands are known: when it waits again, it may go anywhere.
  const asked = new Map(running.map((one) => [one, workload(one.pod, one.needBytes / GiB, one.priority)]));
  let queue = waiting.flatMap(({ workload: one, replicas }) => Array.from({ length: replicas }, () => one));
  for (;;) {
    const there = (mac: Host) => [...asked.keys()].filter(({ host: name }) => name === mac.name);
    const lower = (mac: Host, one: Workload) => there(mac).filter(({ priority }) => priority < one.priority);
    const fits = (mac: Host, one: Workload, kept: readonly Bound[]) =>
      mismatch(one.demands, mac) === undefined &&
      kept.reduce((sum, { needBytes }) => sum + needBytes, one.needBytes) <= mac.allocatableBytes &&
      kept.length < mac.allocatablePods &&
      !kept.some(({ ports }) => ports.includes(one.port));
    const choices = queue.flatMap((one) => {
      const free = hosts.filter((mac) => fits(mac, one, there(mac)));
      const macs =
        free.length > 0
          ? free
          : hosts.filter((mac) =>
              fits(
                mac,
                one,
                there(mac).filter((pod) => !lower(mac, one).includes(pod)),
              ),
            );
      return macs.length === 0 ? [] : [{ one, macs, yields: free.length === 0 }];
    });
    const next = pick(choices);
    const mac = next && pick(next.macs);
    if (next === undefined || mac === undefined) return [...asked.keys()];
    const { one } = next;
    const victims = next.yields ? lower(mac, one) : [];
    queue = queue.toSpliced(queue.indexOf(one), 1).concat(victims.flatMap((victim) => asked.get(victim) ?? []));
    for (const victim of victims) asked.delete(victim);
    const { name, needBytes, port, priority } = one;
    asked.set({ pod: name, workload: name, host: mac.name, needBytes, ports: [port], priority }, one);
  }
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { pictureOf } from "../../../memory/picture/picture.ts";
import { pictureText } from "../../../memory/picture/text.ts";
import { settleTurns } from "../../../memory/picture/turns.ts";
import type { Bound, Waiting } from "../../../memory/placement/workload.ts";
import { bound, fleetCases, host, workload } from "../placement/fleets.ts";

const MINI = host("mini", 10);

const stays = (name: string, gib: number, priority = 0): Waiting => ({
  workload: workload(name, gib, priority),
  replicas: 1,
});
const turns = (name: string, gib: number, priority = 0, port?: number): Waiting => ({
  workload: workload(name, gib, priority, { takesTurns: true, ...(port !== undefined && { port }) }),
  replicas: 1,
});
const runs = (name: string, gib: number, priority = 0): Bound =>
  bound(`${name}-1`, "mini", gib, priority, { workload: name, ports: [] });

interface Case {
  readonly what: string;
  readonly services: readonly Waiting[];
  readonly running?: readonly Bound[];
  readonly in: readonly string[];
  readonly sleeps: readonly string[];
  readonly out: readonly string[];
}

const CASES: readonly Case[] = [
  { what: "all that fit together", services: [turns("a", 5), turns("b", 5)], in: ["a", "b"], sleeps: [], out: [] },
  {
    what: "three that fit by turns alone",
    services: [turns("a", 8), turns("b", 9), turns("c", 10)],
    in: ["a"],
    sleeps: ["b", "c"],
    out: [],
  },
  {
    what: "small ones beside one that stays",
    services: [stays("kept", 6), turns("a", 4), turns("b", 3)],
    in: ["kept", "a"],
    sleeps: ["b"],
    out: [],
  },
  {
    what: "one too large beside the one that stays, though it fits alone",
    services: [stays("kept", 6), turns("a", 5), turns("b", 3)],
    in: ["kept", "b"],
    sleeps: [],
    out: ["a"],
  },
  {
    what: "one too large for the whole Mac",
    services: [turns("a", 11), turns("b", 3)],
    in: ["b"],
    sleeps: [],
    out: ["a"],
  },
  {
    what: "one that stays and comes by name after those that take turns",
    services: [turns("a", 7, 100), stays("z", 3)],
    in: ["a", "z"],
    sleeps: [],
    out: [],
  },
  {
    what: "a model of somebody else that runs",
    services: [turns("a", 8), turns("b", 2)],
    running: [runs("theirs", 3, 100)],
    in: ["theirs", "b"],
    sleeps: [],
    out: ["a"],
  },
  {
    what: "one that runs now and stays in memory before its equals",
    services: [turns("a", 8), turns("b", 8)],
    running: [runs("b", 8)],
    in: ["b"],
    sleeps: ["a"],
    out: [],
  },
  {
    what: "one that runs now and makes room for a service that stays",
    services: [turns("a", 8), stays("z", 7)],
    running: [runs("a", 8)],
    in: ["z"],
    sleeps: [],
    out: ["a"],
  },
  {
    what: "one of a higher priority, which loads first",
    services: [turns("a", 8), turns("z", 8, 100)],
    in: ["z"],
    sleeps: ["a"],
    out: [],
  },
  {
    what: "one that runs now and leaves for a higher priority: it sleeps, and is not displaced",
    services: [turns("a", 8), turns("z", 8, 100)],
    running: [runs("a", 8)],
    in: ["z"],
    sleeps: ["a"],
    out: [],
  },
  {
    what: "two of one port, which no sleep makes free",
    services: [turns("a", 2, 0, 8080), turns("b", 2, 0, 8080)],
    in: ["a"],
    sleeps: [],
    out: ["b"],
  },
];

describe("services that take turns", () => {
  for (const { what, services, running = [], ...expected } of CASES) {
    it(`settle ${what}`, () => {
      const picture = pictureOf({ hosts: [MINI], running, after: services, refused: [], unknown: [] });
      const found = {
        in: picture.hosts[0]?.after.map(({ name }) => name).sort(),
        sleeps: picture.resting.map(({ name }) => name),
        out: picture.out.map(({ name }) => name),
      };
      assert.deepEqual(found, { ...expected, in: expected.in.toSorted() });
    });
  }

  it("are told of as sleeping, and one without a turn by what it lacks beside those that stay", () => {
    const after = [stays("kept", 4), turns("a", 6), turns("b", 5), turns("huge", 7)];
    const text = pictureText(pictureOf({ hosts: [MINI], running: [], after, refused: [], unknown: [] }));
    assert.match(text, /; 1 model stays out; 1\nmodel takes turns and sleeps\.\n/);
    assert.match(text, /\nTakes turns, and sleeps until a request:\n- \w: \d\.0 GiB on mini\.$/);
    assert.match(
      text.replaceAll("\n  ", " "),
      /- huge needs 7\.0 GiB: 1 Mac has too little free memory beside what does not take turns\./,
    );
  });

  it("never take room from those that stay, and each of them runs, sleeps, or stays out", () => {
    fc.assert(
      fc.property(fleetCases, ({ hosts, bound: running, waiting }) => {
        const services = waiting.map((one, index) =>
          index % 2 === 0 ? { ...one, replicas: 1, workload: { ...one.workload, takesTurns: true } } : one,
        );
        const { outcomes, rooms, resting } = settleTurns(hosts, running, services);
        for (const { freeBytes, bound: there } of rooms.values()) assert.ok(freeBytes >= 0 || there.length === 0);
        for (const { workload: one } of services.filter(({ workload }) => workload.takesTurns)) {
          const isIn = [...rooms.values()].some(({ bound: there }) =>
            there.some(({ workload }) => workload === one.name),
          );
          const isOut = outcomes.some((each) => each.kind === "stays out" && each.workload === one.name);
          assert.equal([isIn, isOut, resting.some(({ name }) => name === one.name)].filter(Boolean).length, 1);
        }
      }),
      { numRuns: 200 },
    );
  });
});

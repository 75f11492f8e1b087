import assert from "node:assert/strict";
import { PAUSE_MS, type Rester } from "../../../agent/decisions/resting.ts";
import { asked, busy, type Case, GIB, MINUTE, model, planned, plans, usedAgo } from "./resting-models.ts";

const VICTIMS: readonly Case[] = [
  {
    what: "unloads no pinned one for another",
    models: [model("a", { phase: "ready", pinned: true }), model("b", { demand: asked() })],
    plan: { a: "awake", b: ["blocked", /b needs 6\.0 GiB of 10\.0 GiB.*a 6\.0 GiB \(protected\)/] },
  },
  {
    what: "unloads the least recently used of the lowest priority",
    models: [
      model("old-but-dear", { phase: "ready", priority: 2, chargeBytes: 3 * GIB, demand: usedAgo(9 * MINUTE) }),
      model("recent", { phase: "ready", priority: 1, chargeBytes: 3 * GIB, demand: usedAgo(MINUTE) }),
      model("oldest", { phase: "ready", priority: 1, chargeBytes: 3 * GIB, demand: usedAgo(2 * MINUTE) }),
      model("b", { chargeBytes: 3 * GIB, demand: asked() }),
    ],
    plan: { "old-but-dear": "awake", recent: "awake", oldest: "sleeps", b: "waits" },
  },
  {
    what: "unloads one that nobody uses before one of a lower priority that is used",
    models: [
      model("used", { phase: "ready", priority: 1, chargeBytes: 5 * GIB, demand: busy }),
      model("unused", { phase: "ready", priority: 2, chargeBytes: 5 * GIB, demand: usedAgo(MINUTE) }),
      model("b", { chargeBytes: 5 * GIB, demand: asked() }),
    ],
    plan: { used: "awake", unused: "sleeps", b: "waits" },
  },
  {
    what: "unloads none of a higher priority, and says so",
    models: [model("a", { phase: "ready", priority: 3 }), model("b", { demand: asked() })],
    plan: { a: "awake", b: ["blocked", /nothing that may unload makes room; held by a 6\.0 GiB \(priority 3\)/] },
  },
  {
    what: "unloads nothing in vain: all that may leave together are too small",
    models: [
      model("dear", { phase: "ready", priority: 4 }),
      model("small", { phase: "ready", chargeBytes: GIB }),
      model("b", { demand: asked() }),
    ],
    plan: { dear: "awake", small: "awake", b: "blocked" },
  },
  {
    what: "waits for one that stops already, and unloads no other",
    models: [
      model("leaves", { phase: "stopping" }),
      model("idle", { phase: "ready", chargeBytes: 4 * GIB }),
      model("b", { demand: asked() }),
    ],
    plan: { leaves: "awake", idle: "awake", b: ["waits", /until leaves has made room/] },
  },
  {
    what: "waits for one whose idle time is over, and unloads no other",
    models: [
      model("over", { phase: "ready", idleUnloadMs: MINUTE }),
      model("idle", { phase: "ready", chargeBytes: 4 * GIB }),
      model("b", { demand: asked() }),
    ],
    plan: { over: "sleeps", idle: "awake", b: "waits" },
  },
  {
    what: "unloads no small one beside a large one that suffices",
    models: [
      model("small", { phase: "ready", chargeBytes: GIB, demand: usedAgo(9 * MINUTE) }),
      model("large", { phase: "ready", chargeBytes: 8 * GIB, demand: usedAgo(MINUTE) }),
      model("b", { demand: asked() }),
    ],
    plan: { small: "awake", large: "sleeps", b: "waits" },
  },
  {
    what: "unloads as many as it takes",
    models: [
      model("one", { phase: "ready", chargeBytes: 5 * GIB }),
      model("two", { phase: "ready", chargeBytes: 5 * GIB }),
      model("b", { demand: asked() }),
    ],
    plan: { one: "sleeps", two: "sleeps", b: ["waits", /one, two/] },
  },
  {
    what: "makes room for a pinned one that nobody asks for: it is always in memory",
    models: [model("a", { phase: "ready", demand: usedAgo(MINUTE) }), model("b", { pinned: true })],
    plan: { a: ["sleeps", /unloaded to make room for b/], b: ["waits", /until a has made room/] },
  },
  {
    what: "leaves a pinned one for which nothing may leave to admission, which says what it lacks",
    models: [model("a", { phase: "ready", pinned: true }), model("b", { pinned: true })],
    plan: { a: "awake", b: "awake" },
  },
  {
    what: "keeps no room for a pinned one for which nothing may leave",
    models: [
      model("a", { phase: "ready", pinned: true, chargeBytes: 5 * GIB }),
      model("b", { pinned: true }),
      model("c", { chargeBytes: 4 * GIB, demand: asked() }),
    ],
    plan: { a: "awake", b: "awake", c: "awake" },
  },
  {
    what: "waits for a server that stops outside the plan, and unloads no other",
    models: [model("idle", { phase: "ready", chargeBytes: 4 * GIB }), model("b", { demand: asked() })],
    room: { heldBytes: 6 * GIB, leavingBytes: 6 * GIB },
    plan: { idle: "awake", b: "waits" },
  },
  {
    what: "counts what others hold",
    models: [model("a", { demand: asked() })],
    room: { heldBytes: 5 * GIB },
    plan: { a: ["blocked", /held by others 5\.0 GiB/] },
  },
  {
    what: "unloads nothing for one that what others hold keeps out anyway",
    models: [model("a", { phase: "ready", chargeBytes: 3 * GIB }), model("b", { demand: asked() })],
    room: { heldBytes: 5 * GIB },
    plan: { a: "awake", b: "blocked" },
  },
  {
    what: "evicts nobody while nothing may load",
    models: [model("a", { phase: "ready" }), model("b", { demand: asked() })],
    room: { blocked: true },
    plan: { a: "awake", b: ["waits", /until models may load again/] },
  },
  {
    what: "unloads nothing for one that could not start for another reason",
    models: [model("a", { phase: "ready" }), model("b", { obstructed: true, demand: asked() })],
    plan: { a: "awake", b: "awake" },
  },
  {
    what: "unloads nothing for one whose header has not been read",
    models: [model("a", { phase: "ready" }), model("b", { chargeBytes: undefined, demand: asked() })],
    plan: { a: "awake", b: "awake" },
  },
  {
    what: "unloads one that is idle for long before one that was used a moment ago, of one priority",
    models: [
      model("recent", { phase: "ready", chargeBytes: 5 * GIB, demand: usedAgo(PAUSE_MS) }),
      model("long", { phase: "ready", chargeBytes: 5 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("b", { chargeBytes: 5 * GIB, demand: asked() }),
    ],
    plan: { recent: "awake", long: "sleeps", b: "waits" },
  },
  {
    what: "unloads one that is idle for long and large before one that was used a moment ago and would just suffice",
    models: [
      model("recent", { phase: "ready", chargeBytes: 2 * GIB, demand: usedAgo(5000) }),
      model("long", { phase: "ready", chargeBytes: 8 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("b", { chargeBytes: 2 * GIB, demand: asked() }),
    ],
    plan: { recent: "awake", long: "sleeps", b: "waits" },
  },
  {
    what: "unloads one that was never asked for, and has been loaded for long, before one that was used later than that",
    models: [
      model("recent", { phase: "ready", for: 60 * MINUTE, chargeBytes: 5 * GIB, demand: usedAgo(5000) }),
      model("unasked", { phase: "ready", for: 30 * MINUTE, chargeBytes: 5 * GIB }),
      model("b", { chargeBytes: 5 * GIB, demand: asked() }),
    ],
    plan: { recent: "awake", unasked: "sleeps", b: "waits" },
  },
  {
    what: "unloads two that are idle for long before a single one that was used a moment ago",
    models: [
      model("recent", { phase: "ready", chargeBytes: 4 * GIB, demand: usedAgo(5000) }),
      model("one", { phase: "ready", chargeBytes: 3 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("two", { phase: "ready", chargeBytes: 3 * GIB, demand: usedAgo(50 * MINUTE) }),
      model("b", { chargeBytes: 4 * GIB, demand: asked() }),
    ],
    plan: { recent: "awake", one: "sleeps", two: "sleeps", b: "waits" },
  },
  {
    what: "keeps one that is idle for long beside a larger one, used a moment ago, that must leave and suffices",
    models: [
      model("long", { phase: "ready", chargeBytes: 4 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("recent", { phase: "ready", demand: usedAgo(5000) }),
      model("b", { demand: asked() }),
    ],
    plan: { long: "awake", recent: "sleeps", b: "waits" },
  },
  {
    what: "unloads, of three for two places, the two that are idle for longest",
    models: [
      model("recent", { phase: "ready", chargeBytes: 3 * GIB, demand: usedAgo(5000) }),
      model("older", { phase: "ready", chargeBytes: 3 * GIB, demand: usedAgo(20 * MINUTE) }),
      model("oldest", { phase: "ready", chargeBytes: 3 * GIB, demand: usedAgo(30 * MINUTE) }),
      model("b", { demand: asked() }),
    ],
    plan: { recent: "awake", older: "sleeps", oldest: "sleeps", b: "waits" },
  },
  {
    what: "unloads one of a lower priority, used a moment ago, before one of a higher one that is idle for long",
    models: [
      model("dear", { phase: "ready", priority: 2, chargeBytes: 5 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("cheap", { phase: "ready", priority: 1, chargeBytes: 5 * GIB, demand: usedAgo(PAUSE_MS) }),
      model("b", { chargeBytes: 5 * GIB, demand: asked() }),
    ],
    plan: { dear: "awake", cheap: "sleeps", b: "waits" },
  },
  {
    what: "unloads one of a higher priority that is idle for long before one of a lower one that clients use just now",
    models: [
      model("dear", { phase: "ready", priority: 2, chargeBytes: 5 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("cheap", { phase: "ready", priority: 1, chargeBytes: 5 * GIB, demand: usedAgo(PAUSE_MS - 1) }),
      model("b", { chargeBytes: 5 * GIB, demand: asked() }),
    ],
    plan: { dear: "sleeps", cheap: "awake", b: "waits" },
  },
  {
    what: "unloads one that is idle for long at once, and does not wait for one of a lower priority that still loads",
    models: [
      model("dear", { phase: "ready", priority: 2, chargeBytes: 5 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("loads", { phase: "starting", for: 1000, priority: 1, chargeBytes: 5 * GIB }),
      model("b", { chargeBytes: 5 * GIB, demand: asked() }),
    ],
    plan: { dear: "sleeps", loads: "awake", b: ["waits", /until dear has made room/] },
  },
  {
    what: "drains one with requests in flight beside an idle one only where the idle one does not suffice",
    models: [
      model("idle", { phase: "ready", chargeBytes: 3 * GIB, demand: usedAgo(60 * MINUTE) }),
      model("works", { phase: "ready", chargeBytes: 5 * GIB, demand: busy }),
      model("b", { chargeBytes: 8 * GIB, demand: asked() }),
    ],
    plan: { idle: "sleeps", works: "drains", b: ["waits", /until idle, works has made room/] },
  },
];

describe("which models make room", () => {
  plans(VICTIMS);
});

/** A linear congruential generator: the same numbers from 0 to 1 for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("those that leave, whatever runs", () => {
  it("are none too many, and none in place of one that is idle for longer and as large", () => {
    const random = randomFrom(7);
    const upTo = (most: number) => Math.floor(random() * most);
    let decided = 0;
    for (let round = 0; round < 3000; round += 1) {
      const running = Array.from({ length: 2 + upTo(5) }, (_, index) =>
        model(`m${index}`, {
          phase: "ready",
          priority: 1 + upTo(3),
          chargeBytes: (1 + upTo(4)) * GIB,
          demand: usedAgo(3000 + upTo(9) * MINUTE),
        }),
      );
      const held = running.reduce((sum, { chargeBytes = 0 }) => sum + chargeBytes, 0);
      const needed = (1 + upTo(10)) * GIB;
      const free = upTo(3) * GIB;
      const plan = planned([...running, model("b", { chargeBytes: needed, demand: asked() })], {
        allocatableBytes: Math.max(held + free, needed),
      });
      const need = held + needed - Math.max(held + free, needed);
      const leaves = (one: Rester) => plan.get(one.id)?.kind === "sleeps";
      const victims = running.filter(leaves);
      if (victims.length === 0) continue;
      decided += 1;
      const freed = victims.reduce((sum, { chargeBytes = 0 }) => sum + chargeBytes, 0);
      const usedAt = ({ demand }: Rester) => demand.lastUsedAt ?? 0;
      for (const victim of victims) {
        const { chargeBytes = 0, priority } = victim;
        assert.ok(freed - chargeBytes < need, `round ${round}: ${victim.name} leaves for nothing`);
        const better = running.find(
          (one) =>
            !leaves(one) &&
            (one.chargeBytes ?? 0) >= chargeBytes &&
            (one.priority < priority || (one.priority === priority && usedAt(one) < usedAt(victim))),
        );
        assert.equal(better, undefined, `round ${round}: ${better?.name} should leave in place of ${victim.name}`);
      }
    }
    assert.ok(decided > 500, `${decided} rounds`);
  });
});

import assert from "node:assert/strict";
import type { Demand } from "../../../agent/decisions/demand.ts";
import {
  LEAST_STAY_MS,
  planRest,
  type Rest,
  type Rester,
  type Room,
  TURN_MS,
} from "../../../agent/decisions/resting.ts";
import { type WorkloadId, workloadId } from "../../../agent/workload/workload-id.ts";

const GIB = 2 ** 30;
const NOW = 1_000_000;
const MINUTE = 60_000;

type Part = Partial<Omit<Rester, "demand" | "server">> & {
  readonly demand?: Partial<Demand>;
  readonly phase?: "starting" | "ready" | "stopping";
  /** How long its server has been in that phase, in milliseconds; default: 10 minutes. */
  readonly for?: number;
};

/** A model of 6 GiB of the middle priority that nobody asks for, and that has no process. */
function model(name: string, { demand = {}, phase, for: ms = 10 * MINUTE, ...part }: Part = {}): Rester {
  return {
    ...{ id: workloadId(name), name, priority: 2, pinned: false, idleUnloadMs: undefined, chargeBytes: 6 * GIB },
    demand: { waiting: 0, waitingSince: undefined, inFlight: 0, lastUsedAt: undefined, ...demand },
    server: phase === undefined ? undefined : { phase, since: NOW - ms },
    obstructed: false,
    ...part,
  };
}

const asked = (ago = 1000): Partial<Demand> => ({ waiting: 1, waitingSince: NOW - ago, lastUsedAt: NOW - ago });
const usedAgo = (ms: number): Partial<Demand> => ({ lastUsedAt: NOW - ms });
const busy: Partial<Demand> = { inFlight: 1, lastUsedAt: NOW };

/** The kinds of a plan, and a part of the message where the case names one: `waits: /turn/`. */
type Expected = Readonly<Record<string, Rest["kind"] | readonly [kind: Rest["kind"], message: RegExp]>>;

interface Case {
  readonly what: string;
  readonly models: readonly Rester[];
  readonly room?: Partial<Room>;
  readonly plan: Expected;
}

/** A room of 10 GiB, where the case says nothing else: one model of 6 GiB fits, two do not. */
const CASES: readonly Case[] = [
  {
    what: "unloads one whose idle time is over",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE, demand: usedAgo(MINUTE) })],
    plan: { a: ["sleeps", /no request in 60 s/] },
  },
  {
    what: "keeps one whose idle time is not over",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE, demand: usedAgo(MINUTE - 1) })],
    plan: { a: "awake" },
  },
  {
    what: "counts the idle time of one that was never asked from when it was ready",
    models: [model("a", { phase: "ready", for: MINUTE - 1, idleUnloadMs: MINUTE })],
    plan: { a: "awake" },
  },
  {
    what: "does not unload one that is idle and says never",
    models: [model("a", { phase: "ready", idleUnloadMs: "never" })],
    plan: { a: "awake" },
  },
  {
    what: "does not unload a pinned one, however long it is idle",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE, pinned: true })],
    plan: { a: "awake" },
  },
  {
    what: "unloads no pinned one for another",
    models: [model("a", { phase: "ready", pinned: true }), model("b", { demand: asked() })],
    plan: { a: "awake", b: ["blocked", /b needs 6\.0 GiB of 10\.0 GiB.*a 6\.0 GiB \(protected\)/] },
  },
  {
    what: "does not unload one with a request in flight for its idle time",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE, demand: { inFlight: 1, lastUsedAt: 0 } })],
    plan: { a: "awake" },
  },
  {
    what: "does not touch one with a request in flight before its turn is over",
    models: [model("a", { phase: "ready", for: TURN_MS - 5000, demand: busy }), model("b", { demand: asked() })],
    plan: { a: "awake", b: ["waits", /a has the memory for 5 s more/] },
  },
  {
    what: "drains one with a request in flight after its turn",
    models: [model("a", { phase: "ready", for: TURN_MS, demand: busy }), model("b", { demand: asked() })],
    plan: { a: ["drains", /makes room for b after one request in flight/], b: ["waits", /until a has made room/] },
  },
  {
    what: "lets one that starts come to its turn",
    models: [model("a", { phase: "starting", for: 5 * MINUTE }), model("b", { demand: asked() })],
    plan: { a: "awake", b: ["waits", /a has the memory for 30 s more/] },
  },
  {
    what: "unloads an idle one at once for one that is asked for",
    models: [model("a", { phase: "ready", demand: usedAgo(MINUTE) }), model("b", { demand: asked() })],
    plan: { a: ["sleeps", /unloaded to make room for b/], b: ["waits", /until a has made room/] },
  },
  {
    what: "leaves one that has only just loaded for a while, though nobody asks for it",
    models: [model("a", { phase: "ready", for: LEAST_STAY_MS - 1000 }), model("b", { demand: asked() })],
    plan: { a: "awake", b: ["waits", /for 1 s more/] },
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
    what: "loads two that are asked for where both fit",
    models: [model("a", { demand: asked() }), model("b", { chargeBytes: 4 * GIB, demand: asked() })],
    plan: { a: "awake", b: "awake" },
  },
  {
    what: "gives the room to the one that waits longer, and the other its turn after that",
    models: [model("later", { demand: asked(1000) }), model("first", { demand: asked(2000) })],
    plan: { later: ["waits", /first has the memory for 30 s more/], first: "awake" },
  },
  {
    what: "gives the room to the one of the higher priority, though it waits less long",
    models: [model("low", { demand: asked(9000) }), model("high", { priority: 3, demand: asked(1000) })],
    plan: { low: "blocked", high: "awake" },
  },
  {
    what: "gives none of the room that is made for one to a second",
    models: [
      model("leaves", { phase: "stopping", chargeBytes: 8 * GIB }),
      model("first", { chargeBytes: 8 * GIB, demand: asked(2000) }),
      model("second", { chargeBytes: 3 * GIB, demand: asked(1000) }),
    ],
    plan: { leaves: "awake", first: "waits", second: ["waits", /first has the memory/] },
  },
  {
    what: "loads nothing that has an idle time before it is asked for",
    models: [model("a", { idleUnloadMs: MINUTE })],
    plan: { a: ["sleeps", /a request loads it/] },
  },
  {
    what: "loads what has no idle time where memory is free, by priority, and then by name",
    models: [model("c"), model("b", { idleUnloadMs: "never" }), model("a", { priority: 1, chargeBytes: GIB })],
    plan: { a: "awake", b: "awake", c: ["sleeps", /it needs 6\.0 GiB, and 4\.0 GiB are free: a request makes room/] },
  },
  {
    what: "loads nothing unasked into the room of one that is asked for",
    models: [model("a", { demand: asked() }), model("b", { priority: 4 })],
    plan: { a: "awake", b: "sleeps" },
  },
  {
    what: "leaves a too large one to admission, and unloads nothing for it",
    models: [model("a", { phase: "ready" }), model("b", { chargeBytes: 11 * GIB, demand: asked() })],
    plan: { a: "awake", b: "awake" },
  },
  {
    what: "loads what is asked for before what nobody waits for, though both fit",
    models: [model("a", { chargeBytes: 2 * GIB }), model("b", { chargeBytes: 2 * GIB, demand: asked() })],
    plan: { a: ["sleeps", /loads after b/], b: "awake" },
  },
  {
    what: "leaves a too large one that nobody asks for to admission",
    models: [model("b", { chargeBytes: 11 * GIB })],
    plan: { b: "awake" },
  },
  {
    what: "keeps no room for a too large one that is asked for: others load, and wait for nobody",
    models: [model("b", { priority: 3, chargeBytes: 11 * GIB, demand: asked(2000) }), model("c", { demand: asked() })],
    plan: { b: "awake", c: "awake" },
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
    what: "keeps no room for one that cannot start, nor for a too large one, before others that nobody asks for",
    models: [
      model("large", { priority: 4, chargeBytes: 11 * GIB }),
      model("failed", { priority: 3, obstructed: true }),
      model("c"),
    ],
    plan: { large: "awake", failed: "awake", c: "awake" },
  },
  {
    what: "leaves a too large one with an idle time to admission, which says so before anybody asks",
    models: [model("large", { chargeBytes: 11 * GIB, idleUnloadMs: MINUTE })],
    plan: { large: "awake" },
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
    what: "unloads for its idle time while nothing may load",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE })],
    room: { blocked: true },
    plan: { a: "sleeps" },
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
];

function planned(models: readonly Rester[], room: Partial<Room> = {}): ReadonlyMap<WorkloadId, Rest> {
  return planRest(models, { allocatableBytes: 10 * GIB, heldBytes: 0, leavingBytes: 0, blocked: false, ...room }, NOW);
}

function kinds(plan: ReadonlyMap<WorkloadId, Rest>): Readonly<Record<string, Rest["kind"]>> {
  return Object.fromEntries([...plan].map(([id, { kind }]) => [id, kind]));
}

describe("which models are in memory", () => {
  for (const { what, models, room, plan } of CASES) {
    it(what, () => {
      const rests = planned(models, room);
      for (const [name, expected] of Object.entries(plan)) {
        const [kind, message] = typeof expected === "string" ? [expected, /(?:)/] : expected;
        const rest = rests.get(workloadId(name));
        assert.equal(rest?.kind, kind, `${name}: ${JSON.stringify(rest)}`);
        assert.match(rest !== undefined && "message" in rest ? rest.message : "", message);
      }
      assert.equal(rests.size, models.length);
    });
  }

  it("does not depend on the order in which they are named", () => {
    for (const { what, models, room } of CASES) {
      assert.deepEqual(kinds(planned(models.toReversed(), room)), kinds(planned(models, room)), what);
    }
  });
});

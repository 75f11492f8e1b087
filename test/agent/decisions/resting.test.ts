import { asked, type Case, GIB, MINUTE, model, plans, usedAgo } from "./resting-models.ts";

const IDLE: readonly Case[] = [
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
    what: "does not unload one with a request in flight for its idle time",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE, demand: { inFlight: 1, lastUsedAt: 0 } })],
    plan: { a: "awake" },
  },
  {
    what: "unloads for its idle time while nothing may load",
    models: [model("a", { phase: "ready", idleUnloadMs: MINUTE })],
    room: { blocked: true },
    plan: { a: "sleeps" },
  },
];

const LOADS: readonly Case[] = [
  {
    what: "loads two that are asked for where both fit",
    models: [model("a", { demand: asked() }), model("b", { chargeBytes: 4 * GIB, demand: asked() })],
    plan: { a: "awake", b: "awake" },
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
];

describe("a model that nobody uses", () => {
  plans(IDLE);
});

describe("what loads where memory is free", () => {
  plans(LOADS);
});

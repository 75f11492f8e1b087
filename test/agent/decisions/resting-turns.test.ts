import { LEAST_STAY_MS, TURN_MS } from "../../../agent/decisions/resting.ts";
import { asked, busy, type Case, GIB, MINUTE, model, plans, usedAgo } from "./resting-models.ts";

const TURNS: readonly Case[] = [
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
];

describe("the turns of models that cannot live together", () => {
  plans(TURNS);
});

import assert from "node:assert/strict";
import type { Decision } from "../../../agent/decisions/decide.ts";
import type { Rest } from "../../../agent/decisions/resting.ts";
import type { Route } from "../../../agent/gateway/models.ts";
import { routeOf } from "../../../agent/main/route-of.ts";
import { STATES } from "../../../agent/status/status.ts";
import type { Serving } from "../../../agent/supervisor/serving.ts";
import { aWorkload } from "../samples.ts";

const ADDRESS = { host: "127.0.0.1", port: 8081, apiKey: "key-of-the-server" };

function serving(decision: Partial<Decision>, part: Partial<Serving> = {}): Serving {
  return {
    workload: aWorkload(),
    decision: { act: "nothing", state: "Pending", message: "it does", ...decision },
    ...{ rest: undefined, address: undefined, expectedLoadMs: 4000, estimateBytes: 2 ** 30, measuredBytes: undefined },
    ...part,
  };
}

const waits = (untilMs: number): Rest => ({ kind: "waits", message: "it waits", untilMs });
const blocked: Rest = { kind: "blocked", message: "no room" };
const message = "default/chat: it does";
const inLoadTime: Route = { kind: "waits", message, expectedMs: 4000 };
const later: Route = { kind: "refused", why: "later", message, retryAfterMs: 30_000 };
const never: Route = { kind: "refused", why: "never", message };

const CASES: readonly (readonly [what: string, serving: Serving, route: Route])[] = [
  ["to a server that answers", serving({ state: "Ready" }, { address: ADDRESS }), { kind: "ready", ...ADDRESS }],
  ["nowhere before it is known what it needs", serving({ state: "Pending" }), inLoadTime],
  ["nowhere yet while it starts", serving({ state: "Starting" }), inLoadTime],
  ["nowhere yet while it stops", serving({ state: "Draining" }), inLoadTime],
  ["nowhere yet while it sleeps", serving({ state: "Sleeping" }), inLoadTime],
  ["nowhere yet if it is Ready and about to stop", serving({ state: "Ready" }), inLoadTime],
  ["nowhere yet while it waits for memory", serving({ state: "Waiting", reason: "WaitingForMemory" }), inLoadTime],
  [
    "nowhere yet while another has its turn, and says how long that takes",
    serving({ state: "Waiting" }, { rest: waits(20_000) }),
    { kind: "waits", message, expectedMs: 24_000 },
  ],
  ["back to the client if nothing makes room", serving({ state: "Waiting" }, { rest: blocked }), later],
  ["back to the client after an eviction", serving({ state: "Waiting", reason: "Evicted" }), later],
  ["back to the client while it is held back", serving({ state: "HeldBack" }), later],
  ["back to the client while it is stopped", serving({ state: "Stopped" }), later],
  ["back to the client during a back-off", serving({ state: "BackOff" }), later],
  ["back to the client during a download", serving({ state: "Downloading" }), later],
  ["back to the client for good if it failed", serving({ state: "Failed" }), never],
  ["back to the client for now if its port is in use", serving({ state: "Failed", reason: "PortInUse" }), later],
];

describe("where a request goes", () => {
  for (const [what, of, route] of CASES) {
    it(what, () => {
      assert.deepEqual(routeOf(of), route);
    });
  }

  it("back to the client if nothing asks for the model any more", () => {
    const gone = { kind: "refused", why: "never", message: "nothing asks for this model any more" };
    assert.deepEqual(routeOf(undefined), gone);
  });

  it("nowhere without a server in each state, with a sentence that names the model", () => {
    for (const state of STATES) {
      const route = routeOf({ ...serving({}), decision: { act: "nothing", state } });
      assert.ok(route.kind !== "ready");
      assert.equal(route.message, `default/chat: ${state}`);
    }
  });
});

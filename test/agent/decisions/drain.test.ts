import assert from "node:assert/strict";
import { decide, type Observed, UNHEALTHY_CHECKS } from "../../../agent/decisions/decide.ts";
import { REMOVAL_DRAIN_MS, RESTART_DRAIN_MS } from "../../../agent/decisions/drain.ts";
import type { Desired } from "../../../agent/workload/desired.ts";
import { aWorkload } from "../samples.ts";

const NOW = 5_000_000;
const run: Desired = { kind: "run", workload: aWorkload({ specHash: "a" }) };
const off: Desired = { kind: "stopped", name: "default/chat", message: "spec.suspend is true" };
const named = { kind: "refused", name: "default/chat", state: "Failed" } as const;
const refused: Desired = { ...named, reason: "PortConflict", message: "port 1 belongs to a" };
const started = { specHash: "a", startedAt: NOW - 1000, confirmed: true };
const ready = { ...started, phase: "ready", readyAt: NOW - 500, failedChecks: 0 } as const;
const changed = { ...ready, specHash: "b" };

/** Requests in flight, of a server that takes no new ones for so long. */
const busyFor = (milliseconds?: number, requests = 2): Pick<Observed, "inFlight"> => ({
  inFlight: { requests, drainsSince: milliseconds === undefined ? undefined : NOW - milliseconds },
});
const decided = (desired: Desired | undefined, observed: Partial<Observed>) =>
  decide(desired, { synced: true, ...observed }, NOW);

/** Stops that wait for requests, and for how long at most. */
const WAITING: readonly (readonly [
  what: string,
  desired: Desired | undefined,
  observed: Partial<Observed> & Required<Pick<Observed, "server">>,
  reason: string,
  longestMs: number,
])[] = [
  ["changed settings", run, { server: changed }, "SpecChanged", RESTART_DRAIN_MS],
  ["other API keys", run, { server: ready, keysChanged: true }, "KeyChanged", RESTART_DRAIN_MS],
  ["a deletion", undefined, { server: ready }, "Removed", REMOVAL_DRAIN_MS],
  ["a suspension", off, { server: ready }, "Stopped", REMOVAL_DRAIN_MS],
  ["a short grace period", { ...off, gracePeriodMs: 2000 }, { server: ready }, "Stopped", 2000],
  ["a long grace period", { ...off, gracePeriodMs: 60_000 }, { server: ready }, "Stopped", REMOVAL_DRAIN_MS],
  ["a refusal", refused, { server: ready }, "PortConflict", REMOVAL_DRAIN_MS],
];

/** Stops that wait for nothing. */
const AT_ONCE: readonly (readonly [
  what: string,
  desired: Desired | undefined,
  observed: Partial<Observed>,
  reason: string,
])[] = [
  ["the end of the agent", undefined, { server: ready, ending: true }, "Stopped"],
  ["an eviction", run, { server: ready, evict: "m" }, "Evicted"],
  ["an eviction before changed settings", run, { server: changed, evict: "m" }, "Evicted"],
  [
    "changed settings while it starts",
    run,
    { server: { ...started, phase: "starting", specHash: "b" } },
    "SpecChanged",
  ],
  ["a GPU that failed", run, { server: { ...ready, fault: "m" } }, "GpuFault"],
];

describe("a stop of a server with requests in flight", () => {
  for (const [what, desired, observed, reason, longestMs] of WAITING) {
    it(`waits for them after ${what}, ${longestMs / 1000} s at most, and takes no new ones meanwhile`, () => {
      for (const since of [undefined, 0, longestMs - 1]) {
        const waits = decided(desired, { ...observed, ...busyFor(since) });
        assert.deepEqual([waits.act, waits.state, waits.reason, waits.drains], ["nothing", "Draining", reason, true]);
        assert.match(
          waits.message ?? "",
          new RegExp(`; it waits for 2 requests in flight, ${longestMs / 1000} s at most$`),
        );
        assert.equal(waits.failure, undefined);
      }
      for (const over of [busyFor(longestMs), busyFor(1, 0), busyFor(undefined, 0), {}]) {
        const stops = decided(desired, { ...observed, ...over });
        assert.deepEqual([stops.act, stops.reason, stops.drains, stops.failure], ["stop", reason, undefined, false]);
      }
    });

    it(`does not wait for them after ${what} where it does not answer`, () => {
      const server = { ...ready, ...observed.server, failedChecks: UNHEALTHY_CHECKS };
      const { act, reason: why, failure } = decided(desired, { ...observed, ...busyFor(1), server });
      assert.deepEqual([act, why, failure], ["stop", reason, false]);
    });
  }

  for (const [what, desired, observed, reason] of AT_ONCE) {
    it(`does not wait for them after ${what}`, () => {
      const { act, reason: why, drains } = decided(desired, { ...observed, ...busyFor(undefined) });
      assert.deepEqual([act, why, drains], ["stop", reason, undefined]);
    });
  }

  it("is none where nothing changed, and is over where the change was taken back", () => {
    for (const since of [undefined, 1000]) {
      const { act, state, drains } = decided(run, { server: ready, ...busyFor(since) });
      assert.deepEqual([act, state, drains], ["nothing", "Ready", undefined]);
    }
  });
});

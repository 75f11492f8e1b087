import assert from "node:assert/strict";
import {
  decide,
  isCandidate,
  type Observed,
  START_TIMEOUT_MS,
  UNHEALTHY_CHECKS,
} from "../../../agent/decisions/decide.ts";
import type { Desired } from "../../../agent/workload/desired.ts";
import { aWorkload } from "../samples.ts";

const NOW = 5_000_000;
const run: Desired = { kind: "run", workload: aWorkload({ specHash: "a" }) };
const off: Desired = { kind: "stopped", name: "default/chat", message: "spec.suspend is true" };
const refused: Desired = {
  kind: "refused",
  name: "default/chat",
  state: "Failed",
  reason: "PortConflict",
  message: "port 1 belongs to a",
};
const noModel: Desired = {
  kind: "refused",
  name: "default/chat",
  state: "Pending",
  reason: "ModelNotFound",
  message: "no Model",
};

const unknown: Desired = { kind: "unknown", name: "default/chat", message: "it cannot be read" };
const once: Desired = { kind: "run", workload: aWorkload({ specHash: "a", returnsAfterEviction: false }) };

const GRACE_MS = 10_000;
const started = { specHash: "a", startedAt: NOW - 1000, confirmed: true };
const starting = { ...started, phase: "starting" } as const;
const ready = { ...started, phase: "ready", readyAt: NOW - 500, failedChecks: 0 } as const;
const adopted = { ...ready, confirmed: false };
const stopping = (at: number, killed = false) => {
  const stop = { at, reason: "BudgetExceeded", message: "m", failure: true, gracePeriodMs: GRACE_MS, killed };
  return { ...started, phase: "stopping", stop } as const;
};
const saving = (() => {
  const stop = { at: NOW + 5000, reason: "Idle", message: "m", failure: false, gracePeriodMs: GRACE_MS, killed: false };
  return { ...started, phase: "stopping", stop: { ...stop, saves: true } } as const;
})();
const failing = { since: NOW - 3000, tries: 4, reason: "MetalOutOfMemory", message: "m" };
const backOff = { state: "BackOff", reason: "Killed", message: "died", until: NOW + 1500 } as const;
const hold = { state: "HeldBack", reason: "AfterPanic", message: "it ran when this Mac panicked" } as const;
const looking = { state: "Pending", message: "looking for a report of a panic" } as const;
const need = { estimateBytes: 1, estimateParts: { weights: 1 } };
const preparation = { stage: "ready", paths: { model: "/m" }, ...need } as const;
const tooBig = { stage: "refused", reason: "InsufficientMemory", message: "m" } as const;
const starts = { kind: "starts" } as const;
const waits = { kind: "waits", message: "waits for 1 B", queuePosition: 2 } as const;
const never = { kind: "refused", message: "too large for this machine" } as const;
const fits = { specHash: "a", bytes: 1 };

type Case = readonly [
  name: string,
  desired: Desired | undefined,
  observed: Partial<Observed>,
  act: string,
  state: string,
  reason?: string,
];

/** Cases without a process. */
const DOWN: readonly Case[] = [
  ["not in the source", undefined, {}, "forget", "Stopped"],
  ["not in the source, which is not read completely", undefined, { synced: false }, "forget", "Stopped"],
  [
    "failed, and the source is not read completely",
    undefined,
    { synced: false, backOff },
    "nothing",
    "BackOff",
    "Killed",
  ],
  ["suspended", off, {}, "nothing", "Stopped"],
  ["held back after a panic", run, { hold, preparation, verdict: starts }, "nothing", "HeldBack", "AfterPanic"],
  ["held back, and suspended", off, { hold }, "nothing", "Stopped"],
  ["held back, and backing off", run, { hold, backOff }, "nothing", "HeldBack", "AfterPanic"],
  ["held back, and gone", undefined, { hold }, "forget", "Stopped"],
  ["reports of a panic are looked for", run, { hold: looking, preparation, verdict: starts }, "nothing", "Pending"],
  ["refused", refused, {}, "nothing", "Failed", "PortConflict"],
  ["its Model does not exist yet", noModel, {}, "nothing", "Pending", "ModelNotFound"],
  ["its manifest cannot be read", unknown, {}, "nothing", "Pending", "Unreadable"],
  ["header is being read", run, { preparation: { stage: "reading", message: "" } }, "nothing", "Pending"],
  ["too big", run, { preparation: tooBig }, "nothing", "Failed", "InsufficientMemory"],
  ["downloading", run, { preparation: { stage: "fetching", message: "42%", ...need } }, "nothing", "Downloading"],
  [
    "download failed",
    run,
    { preparation: { stage: "failed", message: "", ...need } },
    "nothing",
    "Failed",
    "DownloadFailed",
  ],
  ["admitted, not asked yet", run, { preparation, verdict: starts }, "ask", "Starting"],
  [
    "admitted, asked about other settings",
    run,
    { preparation, verdict: starts, projection: { specHash: "b", bytes: 1 } },
    "ask",
    "Starting",
  ],
  ["being asked", run, { preparation, projection: { specHash: "a" } }, "nothing", "Starting"],
  ["admitted and asked", run, { preparation, verdict: starts, projection: fits }, "start", "Starting"],
  [
    "admitted, and llama-server gave no projection",
    run,
    { preparation, verdict: starts, projection: { ...fits, bytes: null } },
    "start",
    "Starting",
  ],
  [
    "projected beyond its budget",
    run,
    { preparation, projection: { ...fits, bytes: 2 ** 40 } },
    "nothing",
    "Failed",
    "InsufficientMemory",
  ],
  [
    "its file of API keys cannot be used: no start",
    run,
    { preparation, verdict: starts, projection: fits, keyProblem: "m" },
    "nothing",
    "Failed",
    "ApiKeyFileUnusable",
  ],
  ["waits for memory", run, { preparation, verdict: waits }, "nothing", "Waiting", "WaitingForMemory"],
  ["too large for this machine", run, { preparation, verdict: never }, "nothing", "Failed", "InsufficientMemory"],
  ["backs off", run, { preparation, backOff }, "nothing", "BackOff", "Killed"],
  [
    "never restarts by itself",
    run,
    { backOff: { ...backOff, state: "Failed", until: Infinity } },
    "nothing",
    "Failed",
    "Killed",
  ],
  [
    "backed off long enough",
    run,
    { preparation, verdict: waits, backOff: { ...backOff, until: NOW } },
    "nothing",
    "Waiting",
    "WaitingForMemory",
  ],
  [
    "backed off, now too big",
    run,
    { preparation: tooBig, backOff: { ...backOff, until: NOW } },
    "nothing",
    "Failed",
    "InsufficientMemory",
  ],
  ["evicted a moment ago", run, { preparation, verdict: starts, cooldownLeftMs: 5 }, "nothing", "Waiting", "Evicted"],
  [
    "evicted, and the cooldown is over",
    run,
    { preparation, verdict: starts, projection: fits, cooldownLeftMs: 0 },
    "start",
    "Starting",
  ],
  [
    "evicted, and its controller creates a replacement",
    once,
    { preparation, verdict: starts, cooldownLeftMs: 0 },
    "nothing",
    "Failed",
    "Evicted",
  ],
];

/** Cases with a process. */
const UP: readonly Case[] = [
  ["starting", run, { server: starting }, "nothing", "Starting"],
  [
    "never becomes ready",
    run,
    { server: { ...starting, startedAt: NOW - START_TIMEOUT_MS } },
    "stop",
    "Draining",
    "StartTimeout",
  ],
  [
    "starting, and its test requests fail",
    run,
    { server: { ...starting, failing: { ...failing, tries: 3 } } },
    "nothing",
    "Starting",
  ],
  [
    "starting, and its test requests failed quickly one after another",
    run,
    { server: { ...starting, failing: { ...failing, since: NOW - 2999 } } },
    "nothing",
    "Starting",
  ],
  [
    "starting, and its test requests fail again and again",
    run,
    { server: { ...starting, failing } },
    "stop",
    "Draining",
    "MetalOutOfMemory",
  ],
  ["ready, and its GPU failed", run, { server: { ...ready, fault: "m" } }, "stop", "Draining", "GpuFault"],
  [
    "its API keys changed, and it is its turn",
    run,
    { server: ready, keysChanged: true },
    "stop",
    "Draining",
    "KeyChanged",
  ],
  ["its file of API keys cannot be used", run, { server: ready, keyProblem: "m" }, "nothing", "Ready"],
  ["ready", run, { server: ready }, "nothing", "Ready"],
  ["ready, and its model no longer fits", run, { server: ready, preparation: tooBig }, "nothing", "Ready"],
  ["evicted", run, { server: ready, evict: "m" }, "stop", "Draining", "Evicted"],
  ["settings changed", run, { server: { ...ready, specHash: "b" } }, "stop", "Draining", "SpecChanged"],
  ["two failed health checks", run, { server: { ...ready, failedChecks: UNHEALTHY_CHECKS - 1 } }, "nothing", "Ready"],
  [
    "too many failed health checks",
    run,
    { server: { ...ready, failedChecks: UNHEALTHY_CHECKS } },
    "stop",
    "Draining",
    "Unhealthy",
  ],
  ["removed", undefined, { server: ready }, "stop", "Draining", "Removed"],
  ["its agent ends", undefined, { server: ready, ending: true }, "stop", "Draining", "Stopped"],
  [
    "removed, seen before, while the source is not read completely",
    undefined,
    { server: ready, synced: false },
    "stop",
    "Draining",
    "Removed",
  ],
  ["adopted, and not in the source", undefined, { server: adopted }, "stop", "Draining", "Removed"],
  [
    "adopted, while the source is not read completely",
    undefined,
    { server: adopted, synced: false },
    "nothing",
    "Ready",
  ],
  ["its manifest cannot be read", unknown, { server: ready }, "nothing", "Ready"],
  ["suspended while running", off, { server: ready }, "stop", "Draining", "Stopped"],
  ["refused while running", refused, { server: ready }, "stop", "Draining", "PortConflict"],
  ["stopping", run, { server: stopping(NOW - 1) }, "nothing", "Draining", "BudgetExceeded"],
  ["ignores SIGTERM", run, { server: stopping(NOW - GRACE_MS) }, "kill", "Draining", "BudgetExceeded"],
  ["saving its conversations", run, { server: saving }, "nothing", "Draining", "Idle"],
  ["saving while memory is critical", run, { server: saving, critical: true }, "hurry", "Draining", "Idle"],
  ["saving while the agent ends", undefined, { server: saving, ending: true }, "hurry", "Draining", "Idle"],
  ["saving what is wanted no more", undefined, { server: saving }, "hurry", "Draining", "Idle"],
  ["saving what is suspended", off, { server: saving }, "hurry", "Draining", "Idle"],
  ["saving what cannot be read", unknown, { server: saving }, "nothing", "Draining", "Idle"],
  [
    "stopping without a save while memory is critical",
    run,
    { server: stopping(NOW - 1), critical: true },
    "nothing",
    "Draining",
    "BudgetExceeded",
  ],
  [
    "killed already: no second start",
    run,
    { server: stopping(NOW - GRACE_MS, true), preparation, verdict: starts },
    "nothing",
    "Draining",
    "BudgetExceeded",
  ],
];

describe("the decision about one workload", () => {
  for (const [name, desired, observed, act, state, reason] of [...DOWN, ...UP]) {
    it(`${name}: ${act}, ${state}`, () => {
      const decision = decide(desired, { synced: true, ...observed }, NOW);
      assert.deepEqual([decision.act, decision.state, decision.reason], [act, state, reason]);
    });
  }

  it("counts a stop as a failure exactly where the server failed", () => {
    const failures = [...UP].flatMap(([name, desired, observed]) => {
      const { act, failure } = decide(desired, { synced: true, ...observed }, NOW);
      return act === "stop" && failure ? [name] : [];
    });
    assert.deepEqual(failures, [
      "never becomes ready",
      "starting, and its test requests fail again and again",
      "ready, and its GPU failed",
      "too many failed health checks",
    ]);
  });

  it("asks admission about exactly the workloads that only memory can prevent from starting", () => {
    const candidates = [...DOWN, ...UP].filter(([, desired, observed]) =>
      isCandidate(desired, { synced: true, ...observed }, NOW),
    );
    assert.deepEqual(
      candidates.map(([name]) => name),
      [
        "admitted, not asked yet",
        "admitted, asked about other settings",
        "admitted and asked",
        "admitted, and llama-server gave no projection",
        "waits for memory",
        "too large for this machine",
        "backed off long enough",
        "evicted, and the cooldown is over",
      ],
    );
  });
});

import assert from "node:assert/strict";
import { firstProcessOf, restartBaseOf } from "../../../agent/pods/container.ts";
import { memorySaid } from "../../../agent/pods/memory-condition.ts";
import { onlyCounts, statusPatch } from "../../../agent/pods/patch.ts";
import { podStatus, type WrittenStatus } from "../../../agent/pods/pod-status.ts";
import { type Pod, parsePod } from "../../../agent/sources/pods/pod.ts";
import type { WorkloadStatus } from "../../../agent/status/status.ts";
import { MEMORY_CONDITION } from "../../../api/fleet.ts";
import { formatMemory } from "../../../api/fleet-memory.ts";

const GIB = 2 ** 30;
const now = new Date("2026-11-26T18:00:00.400Z");

function podWith(status: object = {}): Pod {
  const parsed = parsePod({
    metadata: { name: "a", namespace: "default", uid: "u", generation: 2 },
    spec: {
      hostNetwork: true,
      containers: [{ name: "llama-server", image: "i", resources: { requests: { memory: "1Gi" } } }],
    },
    status,
  });
  assert(parsed.ok);
  return parsed.value;
}

const budget = { bytes: 2 * GIB, source: "crd-budget", text: "budget 2.0 GiB" };
const base: WorkloadStatus = { id: "u", name: "default/a", state: "Pending", phase: "Pending", restarts: 0, notes: [] };
const ready: WorkloadStatus = {
  ...{ ...base, state: "Ready", phase: "Ready", pid: 42, startedAt: "2026-11-26T17:59:00.000Z" },
  ...{ budget, estimateBytes: GIB, measuredBytes: GIB },
};

function written(workload: WorkloadStatus, pod = podWith(), first = firstProcessOf(workload)): WrittenStatus {
  const restartBase = first && restartBaseOf(pod, first);
  const view = { pod, workload, hostIp: "10.0.0.1", restartBase, memorySinceMs: Number.POSITIVE_INFINITY };
  return podStatus({ ...view, ending: false, now });
}

/** As the API server keeps it: with times that are not set as null. */
function stored(status: WrittenStatus): object {
  const conditions = status.conditions?.map((one) => ({ ...one, lastProbeTime: null }));
  return { ...status, conditions: [...(conditions ?? []), { type: "PodScheduled", status: "True" }] };
}

describe("the status of a pod", () => {
  const cases: readonly (readonly [
    what: string,
    workload: WorkloadStatus,
    phase: string,
    state: string,
    reason: string | undefined,
  ])[] = [
    ["that waits for its header", base, "Pending", "waiting", "ContainerCreating"],
    ["that is refused", { ...base, reason: "AsksForMore" }, "Pending", "waiting", "AsksForMore"],
    [
      "that waits for memory",
      { ...base, state: "Waiting", reason: "WaitingForMemory" },
      "Pending",
      "waiting",
      "WaitingForMemory",
    ],
    [
      "whose server backs off",
      { ...base, state: "BackOff", reason: "Crashed" },
      "Pending",
      "waiting",
      "CrashLoopBackOff",
    ],
    ["that sleeps", { ...base, state: "Sleeping", reason: "Idle" }, "Pending", "waiting", "Sleeping"],
    ["that sleeps and was never asked for", { ...base, state: "Sleeping" }, "Pending", "waiting", "Sleeping"],
    ["whose server is ready", ready, "Running", "running", undefined],
    ["whose server drains", { ...ready, state: "Draining" }, "Running", "running", undefined],
    ["that was evicted", { ...base, state: "Failed", reason: "Evicted" }, "Failed", "waiting", "Evicted"],
  ];
  for (const [what, workload, phase, state, reason] of cases) {
    it(`${what} is ${phase}, ${state} ${reason ?? ""}`, () => {
      const status = written(workload);
      const container = status.containerStatuses?.[0];
      assert.deepEqual([status.phase, Object.keys(container?.state ?? {})], [phase, [state]]);
      assert.equal(container?.state?.waiting?.reason, reason);
      const isReady = status.conditions?.find(({ type }) => type === "Ready")?.status;
      assert.equal(isReady, workload.state === "Ready" ? "True" : "False");
      // What was written once is not written again.
      assert.equal(statusPatch(podWith(stored(status)), written(workload, podWith(stored(status)))), undefined);
    });
  }

  it("lets what it waits for stand while nothing is heard of it, as after a restart", () => {
    const unheard = { ...base, reason: "Unheard", message: "the API server has not yet told about it" };
    const refused = podWith(stored(written({ ...base, reason: "AsksForMore", message: "it has a command" })));
    assert.equal(statusPatch(refused, written(unheard, refused)), undefined);
    assert.equal(written(unheard).containerStatuses?.[0]?.state?.waiting?.reason, "Unheard");
    // A server that is gone is said to be gone, whatever is heard.
    const served = podWith(stored(written(ready)));
    assert.equal(written(unheard, served).containerStatuses?.[0]?.ready, false);
  });

  it("does not take another budget, nor its first numbers, for a count that goes on", () => {
    const before = podWith(stored(written(ready)));
    assert.equal(onlyCounts(before, written({ ...ready, budget: { ...budget, bytes: 3 * GIB } }, before)), false);
    const waits = (seconds: number) => ({ ...base, reason: "DownloadFailed", message: `next try in ${seconds} s` });
    const waiting = podWith(stored(written(waits(9))));
    assert.equal(onlyCounts(waiting, written(waits(8), waiting)), true);
  });

  it("calls a kill for the budget what kubectl's users know, with the numbers", () => {
    const lastExit = { at: now.toISOString(), signal: "SIGKILL", reason: "BudgetExceeded", message: "measured 3 GiB" };
    const { terminated } = written({ ...base, state: "BackOff", lastExit }).containerStatuses?.[0]?.lastState ?? {};
    assert.deepEqual(
      [terminated?.reason, terminated?.exitCode, terminated?.message],
      ["OOMKilled", 137, "measured 3 GiB"],
    );
  });

  it("gives the numbers of an eviction", () => {
    const lastExit = { at: now.toISOString(), code: 0, reason: "Evicted", message: "evicted to free 1.0 GiB" };
    const status = written({ ...base, state: "Failed", reason: "Evicted", message: "a replacement comes", lastExit });
    assert.deepEqual([status.phase, status.reason, status.message], ["Failed", "Evicted", "evicted to free 1.0 GiB"]);
  });

  it("leaves a pod whose model sleeps running and unready, with why and without a restart", () => {
    const before = podWith(stored(written(ready)));
    const lastExit = { at: now.toISOString(), code: 0, reason: "Idle", message: "nobody asked for it for 10m" };
    const sleeping = {
      ...base,
      state: "Sleeping",
      reason: "Idle",
      message: "the next request wakes it",
      lastExit,
    } as const;
    const status = written(sleeping, before);
    const [container] = status.containerStatuses ?? [];
    assert.deepEqual([status.phase, container?.ready, container?.restartCount], ["Running", false, 0]);
    assert.deepEqual(container?.state?.waiting, { reason: "Sleeping", message: "Idle: the next request wakes it" });
    const { exitCode, reason } = container?.lastState?.terminated ?? {};
    assert.deepEqual([exitCode, reason], [0, "Idle"]);
  });

  it("counts restarts on from an earlier agent, and reports a request that moved as allocated", () => {
    const before = podWith(stored(written(ready)));
    const after = written({ ...ready, pid: 43 }, before).containerStatuses?.[0];
    assert.equal(after?.restartCount, 1);
    assert.equal(after?.lastState?.terminated?.reason, "ContainerStatusUnknown");
    assert.deepEqual(after?.["allocatedResources"], { memory: "1Gi" });
  });
});

describe("the restarts of a container", () => {
  const before = podWith(stored(written(ready)));
  const adopted = firstProcessOf(ready);
  const restarted = { ...ready, pid: 43, startedAt: "2026-11-26T17:59:40.000Z", restarts: 1 };
  const cases = [
    ["none, of a server that was adopted", ready, adopted, 0],
    ["one, of a server that this agent has started anew after it had adopted it in an outage", restarted, adopted, 1],
    ["one, of a server that an agent started after the one that wrote", { ...restarted, restarts: 0 }, undefined, 1],
    ["three, of a server that crashed three times in an outage", { ...restarted, restarts: 3 }, adopted, 3],
  ] as const;
  for (const [what, workload, first, count] of cases) {
    it(what, () => assert.equal(written(workload, before, first).containerStatuses?.[0]?.restartCount, count));
  }
});

describe(`what ${MEMORY_CONDITION} says`, () => {
  const view = (measuredBytes: number, budgetBytes = 2 * GIB) => ({
    ...{ status: "True" as const, reason: "WithinBudget" },
    message: formatMemory({ budgetBytes, budgetSource: "crd-budget", measuredBytes }),
  });
  const said = view(GIB);
  const numbers = { budgetBytes: 2 * GIB, budgetSource: "crd-budget", measuredBytes: GIB } as const;
  const withEstimate = { ...said, message: formatMemory({ ...numbers, estimateBytes: GIB }) };
  const cases = [
    ["the same while it wobbles", view(GIB + 2 ** 20), 100_000, false],
    ["the same within a minute", view(GIB * 1.5), 59_000, false],
    ["the new number after a minute", view(GIB * 1.5), 60_000, true],
    ["a number that was not known before, at once", withEstimate, 0, true],
    ["another budget at once", view(GIB, 3 * GIB), 0, true],
    ["a step over the budget at once", { ...view(3 * GIB), status: "False" as const }, 0, true],
  ] as const;
  for (const [what, next, sinceMs, isNew] of cases) {
    it(what, () => assert.equal(memorySaid(next, said, sinceMs), isNew ? next : said));
  }
});

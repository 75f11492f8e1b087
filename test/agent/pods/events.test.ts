import assert from "node:assert/strict";
import { eventsOf } from "../../../agent/pods/events.ts";
import { type Pod, parsePod } from "../../../agent/sources/pods/pod.ts";
import type { WorkloadStatus } from "../../../agent/status/status.ts";

function podWith(container?: object): Pod {
  const parsed = parsePod({
    metadata: { name: "a", namespace: "default", uid: "u" },
    spec: { containers: [{ name: "llama-server" }] },
    ...(container && { status: { containerStatuses: [{ name: "llama-server", ...container }] } }),
  });
  assert(parsed.ok);
  return parsed.value;
}

const AT = "2026-11-26T17:59:00.000Z";
const base: WorkloadStatus = { id: "u", name: "default/a", state: "Pending", phase: "Pending", restarts: 0, notes: [] };
const starting: WorkloadStatus = { ...base, state: "Starting", pid: 42, startedAt: AT };
const ready: WorkloadStatus = { ...starting, state: "Ready", endpoint: "http://10.0.0.1:12000/v1" };
const killed = { at: AT, signal: "SIGKILL", reason: "BudgetExceeded", message: "measured 3 GiB" };
const backOff: WorkloadStatus = { ...base, state: "BackOff", reason: "BudgetExceeded", message: "m", lastExit: killed };
const failed: WorkloadStatus = { ...base, state: "Failed", reason: "InsufficientMemory", message: "too large" };
const waiting: WorkloadStatus = { ...base, state: "Waiting", reason: "WaitingForMemory", message: "waits" };
const asleep = (reason: "Idle" | "MadeRoom"): WorkloadStatus => ({
  ...{ ...base, state: "Sleeping", reason, message: "m", lastExit: { at: AT, code: 0, reason, message: "m" } },
});
const runs = { containerID: `llama-server://42-${Date.parse(AT) / 1000}`, ready: true, state: { running: {} } };

type Case = readonly [
  what: string,
  pod: Pod,
  before: WorkloadStatus | undefined,
  now: WorkloadStatus,
  told: readonly string[],
];

describe("the events of a pod", () => {
  const fresh = podWith();
  const cases: readonly Case[] = [
    ["nothing while its header is read", fresh, undefined, base, []],
    ["a start", fresh, base, starting, ["Normal Started"]],
    ["that it answers", fresh, starting, ready, ["Normal Ready"]],
    ["both where they come together", fresh, base, ready, ["Normal Started", "Normal Ready"]],
    ["nothing while it goes on", fresh, ready, ready, []],
    ["nothing after an adoption", podWith(runs), undefined, ready, []],
    ["a kill for the budget, once, and no back-off beside it", fresh, ready, backOff, ["Warning BudgetExceeded"]],
    ["nothing while it backs off", fresh, backOff, { ...backOff, message: "next try in 3 s" }, []],
    ["an end without a reason", fresh, ready, { ...base, lastExit: { at: AT, code: 3 } }, ["Warning Exited"]],
    [
      "a stop that somebody wanted",
      fresh,
      ready,
      { ...base, state: "Stopped", lastExit: { at: AT, code: 0, reason: "Removed" } },
      ["Normal Stopped"],
    ],
    ["an unload as a stop, and nothing of its sleep", fresh, ready, asleep("Idle"), ["Normal Stopped"]],
    ["an unload for another model likewise", fresh, ready, asleep("MadeRoom"), ["Normal Stopped"]],
    ["nothing while it sleeps", fresh, asleep("Idle"), { ...asleep("Idle"), message: "for 2m" }, []],
    ["that it answers again", fresh, asleep("Idle"), { ...ready, pid: 43 }, ["Normal Started", "Normal Ready"]],
    ["a refusal", fresh, base, failed, ["Warning InsufficientMemory"]],
    [
      "a refusal once, over a restart of the agent too",
      podWith({ state: { waiting: { reason: "InsufficientMemory" } } }),
      undefined,
      failed,
      [],
    ],
    ["a wait for memory", fresh, base, waiting, ["Normal WaitingForMemory"]],
    ["a foreign pod", fresh, undefined, { ...base, reason: "NotAModel", message: "m" }, ["Warning NotAModel"]],
    ["nothing of what is not heard of yet", fresh, undefined, { ...base, reason: "Unheard", message: "m" }, []],
    [
      "nothing of an end that an earlier agent has told",
      podWith({ lastState: { terminated: { exitCode: 137 } } }),
      undefined,
      backOff,
      [],
    ],
  ];
  for (const [what, pod, before, now, told] of cases) {
    it(`tell ${what}`, () => {
      assert.deepEqual(
        eventsOf(pod, before, now).map(({ type, reason }) => `${type} ${reason}`),
        told,
      );
    });
  }

  it("have a note within the bound of Kubernetes", () => {
    const [event] = eventsOf(fresh, base, { ...failed, message: "x".repeat(5000) });
    assert.equal(event?.note.length, 1024);
  });
});

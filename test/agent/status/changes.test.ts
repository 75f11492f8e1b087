import assert from "node:assert/strict";
import { COUNTING_MS, patienceMs, WOBBLE_MS } from "../../../agent/status/changes.ts";
import type { AgentStatus, WorkloadStatus } from "../../../agent/status/status.ts";
import { aStatus, aWorkloadStatus, budgetOf, GIB, MIB } from "../http/recorded.ts";

const demand = { waiting: 0, inFlight: 1, lastUsedAt: "2026-11-27T10:00:00.000Z" };
const ready: Partial<WorkloadStatus> = {
  pid: 101,
  budget: budgetOf(6),
  measuredBytes: 4 * GIB,
  estimateParts: { weights: 4 * GIB },
  message: "42%, 18.0 MiB/s, 3 min left",
  notes: ["near its budget: 91%"],
  demand,
  wakes: 0,
};

const statusWith = (workload: Partial<WorkloadStatus> = {}, agent: Partial<AgentStatus["agent"]> = {}) =>
  aStatus([aWorkloadStatus("default/chat", { ...ready, ...workload })], { availableBytes: 7 * GIB, ...agent });

const NEVER = Number.POSITIVE_INFINITY;

describe("how long a status may stay unwritten", () => {
  const workloadCases: readonly (readonly [what: string, part: Partial<WorkloadStatus>, patience: number])[] = [
    ["nothing changed", {}, NEVER],
    ["another state", { state: "Draining" }, 0],
    ["another reason", { reason: "Evicted" }, 0],
    ["another pid", { pid: 102 }, 0],
    ["a budget that is one byte larger", { budget: { ...budgetOf(6), bytes: 6 * GIB + 1 } }, 0],
    ["another estimate", { estimateParts: { weights: 4 * GIB + 1 } }, 0],
    ["an endpoint", { endpoint: "http://127.0.0.1:1/v1" }, 0],
    ["a note more", { notes: ["near its budget: 91%", "drifts"] }, 0],
    ["another sentence", { message: "it waits" }, 0],
    ["another number in a sentence", { message: "43%, 17.9 MiB/s, 2 min left" }, COUNTING_MS],
    ["another number in a note", { notes: ["near its budget: 92%"] }, COUNTING_MS],
    ["another number in a reason, which is no sentence", { reason: "Evicted2" }, 0],
    ["1 % more measured, to the byte", { measuredBytes: Math.floor(4 * GIB * 1.01) }, WOBBLE_MS],
    ["more than 1 % more measured", { measuredBytes: Math.ceil(4 * GIB * 1.011) }, 0],
    ["more than 1 % less measured", { measuredBytes: Math.floor(4 * GIB * 0.989) }, 0],
    ["a request more", { demand: { ...demand, inFlight: 2 } }, COUNTING_MS],
    ["another use", { demand: { ...demand, lastUsedAt: "2026-11-27T10:00:01.000Z" } }, COUNTING_MS],
    ["the same demand", { demand: { ...demand } }, NEVER],
    ["a wake", { wakes: 1 }, 0],
    [
      "a wobble and another number in a sentence",
      { measuredBytes: 4 * GIB + 1, message: "43%, 18.0 MiB/s, 3 min left" },
      COUNTING_MS,
    ],
  ];
  for (const [what, part, patience] of workloadCases) {
    it(`${what}: ${patience}`, () => assert.equal(patienceMs(statusWith(), statusWith(part)), patience));
  }

  it("16 MiB of a small process are a wobble, though they are more than 1 %", () => {
    const small = statusWith({ measuredBytes: 100 * MIB });
    assert.equal(patienceMs(small, statusWith({ measuredBytes: 116 * MIB })), WOBBLE_MS);
    assert.equal(patienceMs(small, statusWith({ measuredBytes: 116 * MIB + 1 })), 0);
  });

  it("a figure that comes or goes is news", () => {
    const { measuredBytes: _none, ...unmeasured } = ready;
    const without = aStatus([aWorkloadStatus("default/chat", unmeasured)]);
    assert.equal(patienceMs(without, statusWith()), 0);
    assert.equal(patienceMs(statusWith(), without), 0);
  });

  it("a workload that comes, goes or changes its place is news", () => {
    const [one, two] = ["default/a", "default/b"].map((name) => aWorkloadStatus(name));
    assert(one && two);
    assert.equal(patienceMs(aStatus([one]), aStatus([one, two])), 0);
    assert.equal(patienceMs(aStatus([one, two]), aStatus([one])), 0);
    assert.equal(patienceMs(aStatus([one, two]), aStatus([two, one])), 0);
  });

  it("when it was made is no difference, memory that is free a small one, pressure and problems are news", () => {
    const base = statusWith({}, { updatedAt: "2026-01-01T00:00:00.000Z" });
    assert.equal(patienceMs(base, statusWith({}, { updatedAt: "2026-01-01T00:00:01.000Z" })), NEVER);
    assert.equal(patienceMs(base, statusWith({}, { availableBytes: GIB })), WOBBLE_MS);
    assert.equal(patienceMs(base, statusWith({}, { pressure: "warning" })), 0);
    assert.equal(patienceMs(base, statusWith({}, { problems: ["x.yaml: it is empty"] })), 0);
  });
});

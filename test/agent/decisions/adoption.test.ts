import assert from "node:assert/strict";
import { type Adoption, adoptionOf, type RecordedProcess, type Traces } from "../../../agent/decisions/adoption.ts";

const intent: RecordedProcess = { adoptable: true };
const spawned: RecordedProcess = { ...intent, pid: 42 };
const whole: RecordedProcess = { ...spawned, startTime: "t" };
const dated: RecordedProcess = { ...spawned, startTime: "Sat Nov 21 10:00:00 2026" };
const projecting: RecordedProcess = { adoptable: false };
const foreign: RecordedProcess = { ...whole, adoptable: false };

/** What an agent that was killed at each step of a start leaves behind. */
const CASES: readonly (readonly [
  what: string,
  record: RecordedProcess,
  traces: Partial<Traces>,
  Adoption | "unknown",
])[] = [
  ["before the spawn", intent, {}, { end: [] }],
  ["after the spawn", intent, { writers: [42] }, { adopt: 42, end: [] }],
  ["after the pid", spawned, { startTime: "t", writers: [42] }, { adopt: 42, end: [] }],
  ["after the start time", whole, { startTime: "t", writers: [42] }, { adopt: 42, end: [] }],
  ["after the start time, and the log was replaced", whole, { startTime: "t" }, { adopt: 42, end: [] }],
  [
    "after the start time, and the server has forked",
    whole,
    { startTime: "t", writers: [41, 42, 43] },
    { adopt: 42, end: [] },
  ],
  ["after the start time, and the server has exited", whole, {}, { end: [] }],
  ["after the start time, and another process has its pid", whole, { startTime: "u" }, { end: [] }],
  [
    "after the start time, and another process has its pid, but its child lives",
    whole,
    { startTime: "u", writers: [43] },
    { end: [43] },
  ],
  ["after the pid, and another process may have it", spawned, { startTime: "u" }, { end: [] }],
  [
    "after the start time, and the machine has rebooted since",
    whole,
    { sameBoot: false, startTime: "t", writers: [42] },
    { end: [] },
  ],
  [
    "with a record of another version, which does not say what the server serves",
    foreign,
    { startTime: "t", writers: [42] },
    { end: [42] },
  ],
  [
    "after the start time, and who writes the log cannot be read",
    whole,
    { startTime: "t", writers: undefined },
    { adopt: 42, end: [] },
  ],
  ["after the pid, and who writes the log cannot be read", spawned, { startTime: "t", writers: undefined }, "unknown"],
  ["after the spawn, and who writes the log cannot be read", intent, { writers: undefined }, "unknown"],
  ["after the start time in another notation", dated, { startTime: "abstime:7" }, "unknown"],
  [
    "after the start time in another notation, and the log tells",
    dated,
    { startTime: "abstime:7", writers: [42] },
    { adopt: 42, end: [] },
  ],
  ["after the start time in another notation, and the server has exited", dated, {}, { end: [] }],
  ["while it asked llama-server for a projection", projecting, { writers: [42] }, { end: [42] }],
];

function outcome(expected: Adoption | "unknown"): string {
  if (expected === "unknown") return "touches nothing";
  return expected.adopt === undefined ? `ends ${expected.end.length}` : "adopts the server";
}

describe("adoption: an agent was killed", () => {
  for (const [what, record, traces, expected] of CASES) {
    it(`${what}: ${outcome(expected)}`, () => {
      const known = { sameBoot: true, startTime: null, writers: [], ...traces };
      assert.deepEqual(adoptionOf(record, known), expected);
    });
  }
});

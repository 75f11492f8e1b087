import assert from "node:assert/strict";
import { type Adoption, adoptionOf, type RecordedProcess, type Traces } from "../../../agent/decisions/adoption.ts";

const intent: RecordedProcess = { adoptable: true };
const spawned: RecordedProcess = { ...intent, pid: 42 };
const whole: RecordedProcess = { ...spawned, startTime: "t" };
const question: RecordedProcess = { adoptable: false };
const foreign: RecordedProcess = { ...whole, adoptable: false };

/** The agent was killed at each step of a start, and what there is to find then. */
const CASES: readonly (readonly [what: string, record: RecordedProcess, traces: Partial<Traces>, Adoption])[] = [
  ["before the spawn", intent, {}, { end: [] }],
  ["after the spawn", intent, { writers: [42] }, { adopt: 42, end: [] }],
  ["after the pid", spawned, { startTime: "t", writers: [42] }, { adopt: 42, end: [] }],
  ["after the start time", whole, { startTime: "t", writers: [42] }, { adopt: 42, end: [] }],
  ["and the log was replaced", whole, { startTime: "t" }, { adopt: 42, end: [] }],
  ["and the server has forked", whole, { startTime: "t", writers: [41, 42, 43] }, { adopt: 42, end: [] }],
  ["and the server has ended", whole, {}, { end: [] }],
  ["and its pid is somebody else's", whole, { startTime: "u" }, { end: [] }],
  ["and its pid is somebody else's, but a child of it lives", whole, { startTime: "u", writers: [43] }, { end: [43] }],
  ["and its pid, without a start time, is somebody's", spawned, { startTime: "u" }, { end: [] }],
  ["and the machine has booted since", whole, { sameBoot: false, startTime: "t", writers: [42] }, { end: [] }],
  [
    "and is of another version, which says not what it serves",
    foreign,
    { startTime: "t", writers: [42] },
    { end: [42] },
  ],
  ["while it asked what a server would reserve", question, { writers: [42] }, { end: [42] }],
];

describe("what an agent takes over from one that was killed", () => {
  for (const [what, record, traces, expected] of CASES) {
    it(`${what}: ${expected.adopt === undefined ? `ends ${expected.end.length}` : "goes on with it"}`, () => {
      const known = { sameBoot: true, startTime: null, writers: [], ...traces };
      assert.deepEqual(adoptionOf(record, known), expected);
    });
  }
});

import assert from "node:assert/strict";
import {
  diskCondition,
  isShortOfDisk,
  isShortOfMemory,
  memoryCondition,
  pressureSeen,
  readyCondition,
  type SeenAt,
  TRANSITION_MS,
} from "../../../agent/node/conditions.ts";
import { CLEAN } from "./facts.ts";

describe("the conditions of a Mac's Node", () => {
  it("is ready with problems that a person should mend, and names one of them", () => {
    const { status, message } = readyCondition({ ...CLEAN, problems: ["a.yaml is no YAML", "b", "c"] });
    assert.equal(status, "True");
    assert.equal(message, "the agent runs; a.yaml is no YAML (and 2 more: pulumi-llmkube status)");
    assert.equal(readyCondition(CLEAN).message, "the agent runs");
  });
  it("is not ready while its own checks fail, and says which", () => {
    const { status, reason, message } = readyCondition({ ...CLEAN, trouble: "its loop stands still" });
    assert.deepEqual([status, reason, message], ["False", "AgentNotReady", "its loop stands still"]);
  });
  it("is not ready once a person ends it, whatever else is wrong", () => {
    const { status, reason } = readyCondition({ trouble: "x", ending: true, problems: ["y"] });
    assert.deepEqual([status, reason], ["False", "AgentStopping"]);
  });
  it("has no message that grows without bound", () => {
    assert(readyCondition({ ...CLEAN, problems: ["x".repeat(5000)] }).message.length < 1200);
  });

  /** Looks at a pressure, one a minute. */
  const runs: readonly (readonly [what: string, looks: string, told: string])[] = [
    ["never seen", "......", "......"],
    ["seen once: for five minutes more", "..X........", "..XXXXX...."],
    ["seen again meanwhile: five minutes from then", ".X..X.......", ".XXXXXXXX..."],
    ["unreadable: what was known lasts", ".X??......", ".XXXXX...."],
    ["unreadable from the start", "????", "...."],
    ["unreadable for long: nothing is known any more", "X????????", "XXXXX...."],
  ];
  for (const [what, looks, told] of runs) {
    it(`tells of a pressure ${what}`, () => {
      let seen: SeenAt;
      const marks = [...looks].map((look, minute) => {
        seen = pressureSeen(seen, look === "?" ? null : look === "X", minute * 60_000);
        return seen === undefined ? "." : "X";
      });
      assert.equal(TRANSITION_MS, 5 * 60_000);
      assert.equal(marks.join(""), told);
    });
  }

  it("counts memory as short where the agent evicts, and no sooner", () => {
    assert.deepEqual((["normal", "warning", "critical", undefined] as const).map(isShortOfMemory), [
      false,
      false,
      true,
      null,
    ]);
    assert.deepEqual([memoryCondition(undefined).status, memoryCondition(0).status], ["False", "True"]);
  });
  it("counts the disk as short where downloads pause", () => {
    const free = (freeBytes: number) => isShortOfDisk({ freeBytes, totalBytes: 100 }, 10);
    assert.deepEqual([free(9), free(10), isShortOfDisk(undefined, 10)], [true, false, null]);
    assert.equal(diskCondition(undefined, "/models", "1.0 GiB").status, "False");
    assert.match(
      diskCondition(0, "/models", "1.0 GiB").message,
      /^the disk of \/models has less than 1.0 GiB free.*free space there$/,
    );
  });
});

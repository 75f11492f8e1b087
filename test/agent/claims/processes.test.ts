import assert from "node:assert/strict";
import { processesOf } from "../../../agent/claims/processes.ts";
import { sameStart } from "../../../agent/host/start-time.ts";

/** A pid that no Linux gives away. */
const NOBODY = 2 ** 22 + 1;

describe("start times", () => {
  const cases: readonly (readonly [one: string, other: string, same: boolean | undefined])[] = [
    ["abstime:7", "abstime:7", true],
    ["abstime:7", "abstime:8", false],
    ["4711", "4711", true],
    ["4711", "4712", false],
    ["Sat Nov 21 10:00:00 2026", "Sat Nov 21 10:00:00 2026", true],
    ["Sat Nov 21 10:00:00 2026", "Sat Nov 21 10:00:01 2026", false],
    ["abstime:7", "Sat Nov 21 10:00:00 2026", undefined],
    ["abstime:7", "7", undefined],
  ];
  for (const [one, other, same] of cases) {
    it(`${one} and ${other}: ${same ?? "nothing is proven"}`, () => {
      assert.deepEqual([sameStart(one, other), sameStart(other, one)], [same, same]);
    });
  }
});

describe("whether a process that a claim names lives", () => {
  const claimed = { pid: process.pid, startTime: "Sat Nov 21 10:00:00 2026" };
  const cases: readonly (readonly [what: string, pid: number, now: string | null | undefined, alive: boolean])[] = [
    ["it started then", process.pid, "Sat Nov 21 10:00:00 2026", true],
    ["another one has its pid", process.pid, "Sat Nov 21 10:00:01 2026", false],
    ["only the other notation can be read", process.pid, "abstime:7", true],
    ["nothing can be read", process.pid, undefined, true],
    ["it has exited, and its parent has not asked how", process.pid, null, false],
    ["the kernel knows no such pid", NOBODY, undefined, false],
  ];
  for (const [what, pid, now, alive] of cases) {
    it(`${what}: ${alive}`, async () => {
      const { alive: lives } = processesOf({ startTime: async () => now }, () => 0);
      assert.equal(await lives({ ...claimed, pid }), alive);
    });
  }

  it("asks again after 10 s, and at once where the last answer proved nothing", async () => {
    let [clock, asked] = [0, 0];
    const answers = ["abstime:7", claimed.startTime];
    const startTime = async () => answers[Math.min(asked++, 1)];
    const { alive } = processesOf({ startTime }, () => clock);
    await alive(claimed);
    await alive(claimed);
    clock = 9999;
    await alive(claimed);
    assert.equal(asked, 2);
    clock = 10_000;
    await alive(claimed);
    assert.equal(asked, 3);
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/workspace.ts";
import { openObserver } from "./observer.ts";
import { CHANGE_MS, changed, judge, type Limits, NOTHING_WRONG, OVER_MS, type SeenGroup } from "./observer-rules.ts";

const MIB = 2 ** 20;

describe("the observer outside the agent", () => {
  const seen = (workload: string, mib: number, part: Partial<SeenGroup> = {}): SeenGroup => ({
    ...{ workload, projection: false, group: workload.length, bytes: mib * MIB },
    ...part,
  });
  const limits: Limits = {
    budgets: new Map([
      ["default/a", { bytes: 100 * MIB }],
      ["default/bb", { bytes: 100 * MIB }],
    ]),
    share: { bytes: 150 * MIB },
  };
  /** The violations over readings half a second apart. */
  const judged = (readings: readonly (readonly SeenGroup[])[], held = limits) => {
    let since = NOTHING_WRONG;
    return readings.flatMap((groups, index) => {
      const { since: next, violations } = judge(since, { at: index * 500, groups }, held);
      since = next;
      return violations;
    });
  };
  const long = OVER_MS / 500 + 1;
  const times = (count: number, ...groups: SeenGroup[]) => Array.from({ length: count }, () => groups);

  const cases: readonly (readonly [what: string, readings: readonly (readonly SeenGroup[])[], expected: RegExp[]])[] = [
    ["at its budget", times(99, seen("default/a", 100)), []],
    ["over its budget for less than three samples", times(long - 1, seen("default/a", 101)), []],
    ["over its budget for three samples", times(long, seen("default/a", 101)), [/^default\/a .* 101 MiB .* 100 MiB/]],
    [
      "over its budget for long, which is said once",
      times(3 * long, seen("default/a", 101)),
      [/^default\/a .* for three samples/],
    ],
    [
      "over its budget again and again, and below in between",
      [1, 2, 3].flatMap(() => [...times(long - 1, seen("default/a", 101)), [seen("default/a", 99)]]),
      [],
    ],
    ["a projection over the budget", times(long, seen("default/a", 101, { projection: true })), [/^the projection of/]],
    ["without a budget below the share", times(99, seen("default/none", 150)), []],
    ["two within their budgets over the share", times(long, seen("default/a", 80), seen("default/bb", 80)), [/share/]],
    [
      "two servers of one workload",
      [[seen("default/a", 1), seen("default/a", 1, { group: 2 })]],
      [/^default\/a has two/],
    ],
    ["a projection beside its server", [[seen("default/a", 1), seen("default/a", 1, { projection: true })]], []],
  ];
  for (const [what, readings, expected] of cases) {
    it(`judges what it saw: ${what}`, () => {
      const violations = judged(readings);
      assert.equal(violations.length, expected.length, violations.join("\n"));
      for (const [index, text] of expected.entries()) assert.match(violations[index] ?? "", text);
    });
  }

  it("accepts the budget before a change for as long as the agent may take to hear of it", () => {
    const lowered = changed({ bytes: 120 * MIB }, 100 * MIB, 0);
    const held: Limits = { ...limits, budgets: new Map([["default/a", lowered]]) };
    const readings = times((CHANGE_MS + OVER_MS) / 500, seen("default/a", 110));
    assert.deepEqual(judged(readings, held), []);
    assert.equal(judged([...readings, [seen("default/a", 110)]], held).length, 1);
  });

  it("does not pass at the end where it saw no server", async () => {
    const observer = await openObserver(1000 * MIB, await temporaryDirectory());
    try {
      await observer.sees(() => true, 10_000);
      observer.assertNoViolationYet();
      assert.throws(() => observer.assertNoViolation(), /saw a server: nothing was watched/);
    } finally {
      await observer.close();
    }
  });

  it("measures the whole process group of what writes to a log of the agent", async function () {
    this.timeout(20_000);
    const state = await temporaryDirectory();
    mkdirSync(join(state, "logs"));
    const log = openSync(join(state, "logs/default_a.log"), "a");
    const holds = "const held = Buffer.alloc(100 * 2 ** 20, 1); setInterval(() => held.length, 1000)";
    const group = spawn("sh", ["-c", `"${process.execPath}" -e '${holds}'; exit 0`], {
      detached: true,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    const observer = await openObserver(1000 * MIB, state);
    try {
      observer.budget("default/a", 50 * MIB);
      assert.ok(await observer.sees((groups) => groups.some(({ bytes }) => bytes > 100 * MIB), 10_000));
      assert.deepEqual(
        observer.groups().map(({ workload, group: pgrp }) => [workload, pgrp]),
        [["default/a", group.pid]],
      );
      await observer.sees(() => observer.violations().length > 0, 10_000);
      assert.throws(() => observer.assertNoViolation(), /default\/a .* of its budget of 50 MiB/);
    } finally {
      await observer.close();
      if (group.pid !== undefined) process.kill(-group.pid, "SIGKILL");
    }
  });
});

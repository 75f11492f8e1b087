import assert from "node:assert/strict";
import { exitCodeOf, recordSchema, runSchema, type StepRecord, summary, verdictOf } from "../../proof/record.ts";
import { MACHINE, runOn, stepRecord } from "./machine.ts";

describe("the verdict of a proof", () => {
  it("of a step: held only where something was looked at, and all of it was so", () => {
    assert.equal(verdictOf([]), "failed");
    assert.equal(verdictOf([{ held: true }]), "held");
    assert.equal(verdictOf([{ held: true }, { held: false }]), "failed");
  });

  const held = stepRecord({ verdict: "held" });
  const cannot = stepRecord({ verdict: "cannot" });
  const failed = stepRecord({ verdict: "failed" });
  const reported = stepRecord({ verdict: "failed", blocking: false });
  const cases: readonly (readonly [steps: readonly StepRecord[], code: 0 | 1, said: string])[] = [
    [[], 0, "0 steps held, 0 failed, 0 could not run here"],
    [[held, cannot], 0, "1 steps held, 0 failed, 1 could not run here"],
    [[held, failed, cannot], 1, "1 steps held, 1 failed, 1 could not run here"],
    [[held, reported], 0, "1 steps held, 1 failed (1 only reported), 0 could not run here"],
    [[reported, failed], 1, "0 steps held, 2 failed (1 only reported), 0 could not run here"],
  ];
  for (const [steps, code, said] of cases) {
    it(`${said}: exit code ${code}`, () => {
      assert.equal(exitCodeOf(steps), code);
      const onMac = summary(runOn({}, steps));
      assert.equal(onMac, `${said}: on Apple M4 Pro, macOS 15.4`);
      const onLinux = summary(runOn({ system: "linux" }, steps));
      assert.equal(onLinux, `${said}: nothing was proven about a Mac`);
      const onStandIns = summary(runOn({ played: true }, steps));
      assert.equal(onStandIns, `${said}: nothing was proven about a Mac, because this one is played by stand-ins`);
    });
  }

  it("is written and read by one schema", () => {
    const run = runOn({}, [held, reported]);
    assert.deepEqual(runSchema.parse(JSON.parse(JSON.stringify(run))), run);
    assert.equal(recordSchema.safeParse({ version: 2, runs: [] }).success, false);
    assert.equal(runSchema.safeParse({ ...run, machine: { ...MACHINE, chip: undefined } }).success, false);
  });
});

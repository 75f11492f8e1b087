import assert from "node:assert/strict";
import {
  type LeaseStep,
  type LiveLease,
  leaseStep,
  microseconds,
  microTime,
  type Observed,
  renewalTime,
} from "../../../agent/node/holder.ts";

const OWN = "mac-1_aaaa";
const lease = (holder: string, resourceVersion = "5"): LiveLease => ({ holder, resourceVersion, renewTime: undefined });

describe("who may have the name of a Node", () => {
  const seen = (resourceVersion: string): Observed => ({ resourceVersion, since: 1000 });
  const cases: readonly (readonly [
    string,
    LiveLease | undefined,
    Observed | undefined,
    now: number,
    LeaseStep["step"],
  ])[] = [
    ["there is no Lease", undefined, undefined, 0, "take"],
    ["its own from before a crash", lease(OWN), undefined, 0, "take"],
    ["nobody's: it was given back", lease(""), undefined, 0, "take"],
    ["another one's, seen for the first time", lease("mac-1_bbbb"), undefined, 0, "watch"],
    ["another one's that has been silent for 39 s", lease("mac-1_bbbb"), seen("5"), 40_000, "watch"],
    ["another one's that has been silent for more than 40 s", lease("mac-1_bbbb"), seen("5"), 41_001, "take"],
    ["another one's that was renewed", lease("mac-1_bbbb", "6"), seen("5"), 6000, "refuse"],
    ["another one's that was renewed after a long silence", lease("mac-1_bbbb", "6"), seen("5"), 90_000, "refuse"],
    ["a kubelet's of the same name", lease("mac-1"), undefined, 0, "watch"],
  ];
  for (const [what, live, observed, now, step] of cases) {
    it(`${step}: ${what}`, () => assert.equal(leaseStep(live, OWN, observed, now).step, step));
  }
  it("watches one version from the first look on", () => {
    const first = leaseStep(lease("mac-1_bbbb"), OWN, undefined, 1000);
    assert.deepEqual(first, { step: "watch", observed: seen("5") });
    assert.deepEqual(leaseStep(lease("mac-1_bbbb"), OWN, seen("5"), 9000), first);
  });
  it("names the holder that lives", () => {
    assert.deepEqual(leaseStep(lease("mac-1_bbbb", "6"), OWN, seen("5"), 1), { step: "refuse", holder: "mac-1_bbbb" });
  });
});

describe("the time of a renewal", () => {
  const at = Date.parse("2026-11-26T17:00:00.123Z");
  it("is now", () => assert.equal(microTime(renewalTime(undefined, at)), "2026-11-26T17:00:00.123000Z"));
  it("is now after an earlier one", () => assert.equal(renewalTime((at - 10_000) * 1000, at), at * 1000));
  it("grows where the clock of the Mac was put back", () => {
    const before = (at + 3_600_000) * 1000;
    assert.equal(renewalTime(before, at), before + 1);
    assert.equal(renewalTime(before + 1, at + 10_000), before + 2);
  });
  it("grows within one millisecond", () => assert.equal(renewalTime(at * 1000, at), at * 1000 + 1));
  const times: readonly (readonly [string | undefined, string | undefined])[] = [
    ["2026-11-26T17:00:00.123456Z", "2026-11-26T17:00:00.123456Z"],
    ["2026-11-26T17:00:00Z", "2026-11-26T17:00:00.000000Z"],
    ["2026-11-26T17:00:00.5Z", "2026-11-26T17:00:00.500000Z"],
    ["2026-11-26T17:00:00.123456789Z", "2026-11-26T17:00:00.123456Z"],
    ["soon", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  for (const [text, same] of times) {
    it(`reads ${text} as ${same}`, () => {
      const read = microseconds(text);
      assert.equal(read === undefined ? undefined : microTime(read), same);
    });
  }
});

import assert from "node:assert/strict";
import { driftNote, driftShare, projectionRefusal, unansweredNote } from "../../../agent/decisions/projection.ts";
import { chargeBytes, newEntry } from "../../../agent/supervisor/entry.ts";
import { forgetOldProjection } from "../../../agent/supervisor/projected.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { aWorkload } from "../samples.ts";

const MIB = 2 ** 20;

describe("a projection", () => {
  const budget = { bytes: 300 * MIB, source: "crd-budget" } as const;
  for (const bytes of [undefined, null, 300 * MIB]) {
    it(`of ${bytes} bytes prevents no start`, () => {
      assert.equal(
        projectionRefusal({ specHash: "now", ...(bytes === undefined ? {} : { bytes }) }, budget, 0),
        undefined,
      );
    });
  }

  it("over the budget is refused with both figures", () => {
    const refusal = projectionRefusal({ specHash: "now", bytes: 301 * MIB }, budget, 0);
    assert.match(
      refusal ?? "",
      /^projected 301\.0 MiB required by llama-server, budget 300\.0 MiB \(absolute from CRD\): raise memoryBudget/,
    );
  });

  const parts = { weights: 900 * MIB, kv: 80 * MIB, output: 20 * MIB, process: 500 * MIB, draft: 800 * MIB };

  it("is compared with the estimate of the same parts", () => {
    for (const agreeing of [undefined, null, 1000 * MIB, 1050 * MIB, 950 * MIB]) {
      assert.equal(driftNote(agreeing, parts), undefined);
    }
    assert.equal(driftNote(20 * MIB, { weights: MIB }), undefined);
    for (const other of [1051 * MIB, 949 * MIB])
      assert.match(driftNote(other, parts) ?? "", /llama-server projects .*, the estimate is 1000\.0 MiB/);
  });

  it("drifts by a share of the estimate of the same parts", () => {
    assert.deepEqual(
      [1100, 1000, 900].map((mib) => driftShare(mib * MIB, parts)),
      [0.1, 0, -0.1],
    );
    assert.equal(driftShare(MIB, {}), undefined);
  });

  it("that was not given is a note with its reason, and none while it is being asked for", () => {
    const note = (part: object) => unansweredNote({ specHash: "now", ...part });
    assert.deepEqual([note({}), note({ bytes: 5 })], [undefined, undefined]);
    assert.equal(
      note({ bytes: null, why: "none within 10 s of its first line" }),
      "llama-server printed no memory breakdown (none within 10 s of its first line): the start goes on with the estimate alone",
    );
  });
});

describe("what a workload is charged with", () => {
  const charge = (estimateBytes: number, bytes: number | null | undefined, measuredBytes?: number) => {
    const entry = newEntry(workloadId("default/chat"), "default/chat");
    entry.need = { estimateBytes };
    entry.projection = { specHash: "now", ...(bytes !== undefined && { bytes }) };
    if (measuredBytes !== undefined) entry.footprint = { ...entry.footprint, measuredBytes };
    return chargeBytes(entry);
  };

  it("is the largest of estimate, projection and measurement", () => {
    assert.deepEqual(
      [charge(3, 2, 1), charge(2, 3, 1), charge(2, 1, 3), charge(2, null, 1), charge(2, undefined), charge(0, 5)],
      [3, 3, 3, 2, 2, 5],
    );
  });
});

describe("an old projection", () => {
  const workload = aWorkload({ specHash: "now" });
  const keeps = (projection: object, estimateBytes: number | undefined, serverStamp: string | undefined) => {
    const entry = newEntry(workload.id, workload.name);
    entry.need = { ...(estimateBytes !== undefined && { estimateBytes }) };
    entry.projection = { specHash: "now", basis: { estimateBytes: 5, serverStamp: "a" }, ...projection };
    forgetOldProjection(entry, { kind: "run", workload }, { serverStamp: () => serverStamp });
    return entry.projection !== undefined;
  };
  const cases: readonly (readonly [what: string, kept: boolean, was: boolean])[] = [
    ["is kept for the same settings, model and binary", true, keeps({ bytes: 9 }, 5, "a")],
    ["is forgotten with other settings", false, keeps({ bytes: 9, specHash: "before" }, 5, "a")],
    ["is forgotten with another model in the same file", false, keeps({ bytes: 9 }, 6, "a")],
    ["is forgotten with another binary", false, keeps({ bytes: 9 }, 5, "b")],
    ["that was not given is forgotten with another binary, too", false, keeps({ bytes: null }, 5, "b")],
    ["is kept while the model is being looked at again", true, keeps({ bytes: 9 }, undefined, "a")],
    ["is kept while the binary is being looked at again", true, keeps({ bytes: 9 }, 5, undefined)],
    ["that is being asked for goes on", true, keeps({}, 6, "b")],
    ["that is being asked for with other settings is not waited for", false, keeps({ specHash: "before" }, 5, "a")],
  ];
  for (const [what, kept, was] of cases) it(what, () => assert.equal(was, kept));
});

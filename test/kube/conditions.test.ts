import assert from "node:assert/strict";
import { hasConditions, type KnownCondition, setConditions, type WantedCondition } from "../../kube/conditions.ts";

const EARLIER = "2026-01-01T00:00:00Z";
const NOW = Date.UTC(2026, 5, 1, 12, 0, 0, 987);
const KNOWN: KnownCondition = {
  type: "Ready",
  status: "True",
  reason: "Serving",
  message: "It serves.",
  observedGeneration: 3,
  lastTransitionTime: EARLIER,
};
const SAME: WantedCondition = {
  type: "Ready",
  status: "True",
  reason: "Serving",
  message: "It serves.",
  observedGeneration: 3,
};

describe("kube: conditions", () => {
  const table: readonly [string, readonly KnownCondition[], WantedCondition, string, boolean][] = [
    ["a new one", [], SAME, "2026-06-01T12:00:00Z", false],
    ["the same", [KNOWN], SAME, EARLIER, true],
    ["another message", [KNOWN], { ...SAME, message: "It serves well." }, EARLIER, false],
    ["another reason", [KNOWN], { ...SAME, reason: "Idle" }, EARLIER, false],
    ["another generation", [KNOWN], { ...SAME, observedGeneration: 4 }, EARLIER, false],
    ["another status", [KNOWN], { ...SAME, status: "False" }, "2026-06-01T12:00:00Z", false],
    ["Unknown is another status", [KNOWN], { ...SAME, status: "Unknown" }, "2026-06-01T12:00:00Z", false],
    ["one of another type", [{ ...KNOWN, type: "Other" }], SAME, "2026-06-01T12:00:00Z", false],
    [
      "one without a time",
      [{ type: "Ready", status: "True", reason: "Serving", message: "It serves.", observedGeneration: 3 }],
      SAME,
      "2026-06-01T12:00:00Z",
      false,
    ],
  ];
  for (const [name, existing, wanted, lastTransitionTime, has] of table) {
    it(name, () => {
      assert.deepEqual(setConditions(existing, [wanted], NOW), [{ ...wanted, lastTransitionTime }]);
      assert.equal(hasConditions(existing, [wanted]), has);
    });
  }

  it("leaves those of other writers out, and keeps the writer's order", () => {
    const other = { ...KNOWN, type: "Other" };
    const wanted = [{ ...SAME, type: "B" }, SAME];
    assert.deepEqual(
      setConditions([KNOWN, other], wanted, NOW).map(({ type }) => type),
      ["B", "Ready"],
    );
  });
});

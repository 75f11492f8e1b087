import assert from "node:assert/strict";
import { telling } from "../../../controller/reconcile/telling.ts";
import type { WantedCondition } from "../../../kube/conditions.ts";
import { KINDS } from "../../../kube/kinds.ts";

type Said = Pick<WantedCondition, "status" | "reason" | "message">;

describe("events about a condition", () => {
  const refused: Said = { status: "False", reason: "InsufficientMemory", message: "1 GiB short" };
  const fits: Said = { status: "True", reason: "Fits", message: "fits" };
  const table: readonly (readonly [what: string, before: Said | undefined, now: Said, expected: string | undefined])[] =
    [
      ["a first refusal", undefined, refused, "InsufficientMemory"],
      ["the same refusal after a restart", refused, refused, undefined],
      ["the same refusal in other numbers", refused, { ...refused, message: "2 GiB short" }, undefined],
      ["a refusal for another reason", refused, { ...refused, reason: "InvalidSpec" }, "InvalidSpec"],
      ["one that fits now", refused, fits, "Fits"],
      ["one that fits still", fits, { ...fits, message: "fits, budget 1Gi" }, undefined],
      ["one that is looked up", refused, { status: "Unknown", reason: "ReadingHeader", message: "" }, undefined],
    ];
  for (const [what, before, now, expected] of table) {
    it(`${what}: ${expected ?? "none"}`, () => {
      const reasons: string[] = [];
      const tell = telling(({ reason }) => reasons.push(reason));
      const conditions = before === undefined ? [] : [{ type: "A", ...before }];
      const view = { name: "a", namespace: "x", uid: "1", status: { conditions } };
      tell(KINDS.inferenceService, view as never, [{ type: "A", ...now, observedGeneration: 1 }], "A");
      assert.deepEqual(reasons, expected === undefined ? [] : [expected]);
    });
  }
});

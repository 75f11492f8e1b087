import assert from "node:assert/strict";
import { type CacheSituation, cacheChange } from "../../../agent/decisions/cache-change.ts";
import { MiB } from "../../../api/bytes.ts";

const same: CacheSituation = {
  started: { wanted: "auto", sizeMiB: 512 },
  next: { wanted: "auto", sizeMiB: 512 },
  needBytes: 1000 * MiB,
  budgetBytes: 1040 * MiB,
  busy: false,
};
const lowered = { ...same, next: { wanted: "auto", sizeMiB: 256 }, budgetBytes: 800 * MiB } as const;
const other = { ...same, next: { wanted: 64 * MiB, sizeMiB: 64 } } as const;

describe("another size of the prompt cache", () => {
  const cases: readonly (readonly [what: string, situation: CacheSituation, act: string | undefined])[] = [
    ["the same", same, undefined],
    ["a lowered budget, and nothing to do", lowered, "restart"],
    ["a lowered budget, and a request", { ...lowered, busy: true }, "wait"],
    ["a lowered budget, and nobody knows", { ...lowered, busy: undefined }, "ask"],
    ["a budget that is lowered and holds it all the same", { ...lowered, budgetBytes: 1000 * MiB }, undefined],
    ["a budget that was raised", { ...same, next: { wanted: "auto", sizeMiB: 900 } }, undefined],
    [
      "a budget that was too low, and leaves more now",
      { ...lowered, next: { wanted: "auto", sizeMiB: 600 } },
      undefined,
    ],
    ["a quantity instead", other, "restart"],
    ["a quantity instead, and a request", { ...other, busy: true }, "wait"],
    ["turned off", { ...same, next: { wanted: "off", sizeMiB: 0 } }, "restart"],
    ["a quantity that is what auto had taken", { ...other, next: { wanted: 512 * MiB, sizeMiB: 512 } }, undefined],
    ["turned on", { ...same, started: { wanted: "off", sizeMiB: 0 } }, "restart"],
  ];
  for (const [what, situation, act] of cases) {
    it(`${what}: ${act ?? "nothing"}`, () => assert.equal(cacheChange(situation)?.act, act));
  }

  it("is told with both sizes and the reason", () => {
    assert.equal(
      cacheChange({ ...lowered, busy: true })?.message,
      "its budget was lowered: its prompt cache becomes 256.0 MiB instead of 512.0 MiB, with a restart once its requests have ended",
    );
    assert.match(cacheChange(other)?.message ?? "", /^another prompt cache is asked for: .*; it restarts with it$/);
  });
});

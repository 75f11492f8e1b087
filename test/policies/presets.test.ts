import assert from "node:assert/strict";
import { RULES, STACK_RULES } from "../../policies/all.ts";
import { LlmGuard, type LlmGuardOptions } from "../../policies/guard/llm-guard.ts";
import { optionName } from "../../policies/guard/options.ts";
import { advisory, recommended, strict } from "../../policies/presets.ts";

function levels(options: LlmGuardOptions): ReadonlyMap<string, string | undefined> {
  return new Map(new LlmGuard(options).policies.map(({ name, enforcementLevel }) => [name, enforcementLevel]));
}

describe("the presets", () => {
  it("name every policy, so that a new one is given its place", () => {
    const names = [...RULES, ...STACK_RULES].map(({ name }) => optionName(name)).toSorted();
    for (const preset of [recommended, strict]) assert.deepEqual(Object.keys(preset).toSorted(), names);
  });

  it("grow stricter: what recommended refuses strict refuses, and advisory refuses nothing", () => {
    const [some, most, none] = [levels(recommended), levels(strict), levels(advisory)];
    for (const [name, level] of some) {
      if (level === "mandatory") assert.equal(most.get(name), "mandatory", name);
      assert.equal(none.get(name), level === "disabled" ? "disabled" : "advisory", name);
    }
    const mandatory = (found: ReadonlyMap<string, string | undefined>) =>
      [...found.values()].filter((level) => level === "mandatory").length;
    assert.ok(mandatory(most) > mandatory(some));
  });

  it("can be taken over with a change", () => {
    const found = levels({ ...strict, pinnedSource: "disabled" });
    assert.equal(found.get("pinned-source"), "disabled");
    assert.equal(found.get("memory-fits"), "mandatory");
  });
});

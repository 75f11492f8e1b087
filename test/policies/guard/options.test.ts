import assert from "node:assert/strict";
import { LlmGuard, type LlmGuardOptions } from "../../../policies/guard/llm-guard.ts";

function levels(options?: LlmGuardOptions): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    new LlmGuard(options).policies.map(({ name, enforcementLevel }) => [name, enforcementLevel]),
  );
}

function policy(name: string, options: LlmGuardOptions) {
  const found = new LlmGuard(options).policies.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no policy ${name}`);
  return found;
}

describe("LlmGuard's options", () => {
  it("has each policy at its own level, and its notes last", () => {
    const found = levels();
    assert.equal(found["memory-fits"], "mandatory");
    assert.equal(found["context-above-training"], "advisory");
    assert.equal(new LlmGuard().policies.at(-1)?.name, "memory-notes");
  });

  it("sets one level for all, and another for those that are named; notes refuse nothing", () => {
    const found = levels({ all: "advisory", memoryFits: "mandatory", contextAboveTraining: { level: "disabled" } });
    assert.equal(found["memory-fits"], "mandatory");
    assert.equal(found["context-above-training"], "disabled");
    assert.equal(found["memory-budget-valid"], "advisory");
    assert.equal(levels({ all: "mandatory" })["memory-notes"], "advisory");
    assert.equal(levels({ all: "disabled" })["memory-notes"], "disabled");
    assert.equal(levels({ memoryNotes: "disabled" })["memory-notes"], "disabled");
  });

  it("shows the engine the program's settings as the defaults, so that it does not put others over them", () => {
    const properties = policy("memory-fits", { hostMemory: "64Gi", memoryFits: { onUnreachable: "warn" } }).configSchema
      ?.properties;
    assert.equal(properties?.["onUnreachable"]?.default, "warn");
    assert.equal(properties?.["hostMemory"]?.default, "64Gi");
    assert.equal(properties?.["headerTimeoutSeconds"]?.default, 20);
    assert.equal(policy("memory-fits", {}).configSchema?.properties["onUnreachable"]?.default, "refuse");
    assert.equal(
      policy("memory-budget-valid", { hostMemory: "64Gi" }).configSchema?.properties["hostMemory"]?.default,
      "64Gi",
    );
  });

  it("gives each policy what a person reads in a list of policies", () => {
    for (const { name, displayName, description, severity, tags, remediationSteps } of new LlmGuard().policies) {
      assert.match(displayName ?? "", /^[A-Z][^.]+$/, name);
      assert.match(description, /^[A-Z].*\.$/, name);
      assert.match(remediationSteps ?? "", /^[A-Z].*\.$/, name);
      assert.ok(severity !== undefined && tags !== undefined && tags.length > 0, name);
    }
  });

  it("is as good as without options where all are null", () => {
    const nothing = { all: null, memoryFits: null, exclude: null, memoryNotes: null } as unknown as LlmGuardOptions;
    assert.deepEqual(levels(nothing), levels());
  });

  const wrong: ReadonlyArray<readonly [options: object, ...sentences: readonly string[]]> = [
    [{ memoryFist: "advisory" }, "memoryFist is no policy and no option; did you mean memoryFits?"],
    [{ "memory-fits": "advisory" }, "memory-fits is no policy and no option; did you mean memoryFits?"],
    [{ all: "high" }, 'all is "high"; it must be one of advisory, mandatory, disabled'],
    [{ all: "remediate" }, 'all is "remediate"; it must be one of advisory, mandatory, disabled'],
    [{ memoryFits: "warn" }, 'memoryFits is "warn"; it must be one of advisory, mandatory, disabled'],
    [
      { memoryFits: true },
      "memoryFits is true; it must be one of advisory, mandatory, disabled, or an object with level and settings",
    ],
    [{ memoryFits: { level: 1 } }, "memoryFits.level is 1; it must be one of advisory, mandatory, disabled"],
    [{ memoryFits: "remediate" }, 'memoryFits is "remediate"; it must be one of advisory, mandatory, disabled'],
    [{ memoryNotes: "loud" }, 'memoryNotes is "loud"; it must be one of advisory, disabled'],
    [{ exclude: "gemma" }, 'exclude is "gemma"; it must be a list'],
    [
      { exclude: [{ policy: "memory-fist", name: "gemma", reason: "x" }, null] },
      'exclude[0].policy is "memory-fist"; it must be the name of a policy: did you mean memory-fits?',
      "exclude[1].policy is undefined; it must be the name of a policy",
    ],
    [
      { exclude: [{ policy: "memory-fits", name: "gemma" }] },
      "memoryFits.exclude[0].reason is missing; it must be text",
    ],
    [{ memoryFits: { hostMemroy: "64Gi" } }, "memoryFits.hostMemroy is not a field; did you mean hostMemory?"],
    [
      { memoryFits: { hostMemory: "64GB" } },
      'memoryFits.hostMemory is "64GB"; it must be a quantity of bytes above 0, for example 32Gi',
    ],
    [{ hostMemory: "64" }, 'hostMemory is "64"; that is only 64 B; add a unit, for example 32Gi'],
    [{ hostMemory: "64Ti" }, 'hostMemory is "64Ti"; no Mac has as much; it must be at most 16Ti, for example 32Gi'],
    [
      { memoryFits: { sizes: { "hf://o/r/m.gguf": "4.1GB" } } },
      'memoryFits.sizes["hf://o/r/m.gguf"] is "4.1GB"; it must be a quantity of bytes above 0, for example 4.1Gi',
    ],
    [
      { memoryFits: { agentMemoryFraction: 80 } },
      "memoryFits.agentMemoryFraction is 80; it must be a number above 0 and at most 1",
    ],
    [{ memoryFits: "advisory", hosst: [] }, "hosst is no policy and no option"],
    [["advisory"], "the options are a list; they must be an object"],
    ["advisory" as unknown as object, 'the options are "advisory"; they must be an object'],
  ];
  for (const [options, ...sentences] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      assert.throws(
        () => new LlmGuard(options as LlmGuardOptions),
        (error: Error) => {
          const lines = error.message.split("\n");
          assert.equal(lines.length, sentences.length, error.message);
          for (const [index, sentence] of sentences.entries()) {
            assert.ok(
              lines[index]?.startsWith(`LlmGuard: ${sentence}`) || lines[index]?.startsWith(sentence),
              lines[index],
            );
          }
          assert.doesNotMatch(error.stack ?? "", /\.ts/);
          return true;
        },
      );
    });
  }
});

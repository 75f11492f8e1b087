import assert from "node:assert/strict";
import * as z from "zod";
import { RULES } from "../../../policies/all.ts";
import { defineRule, defineStackRule } from "../../../policies/define.ts";
import type { Rule, StackRule } from "../../../policies/definition.ts";
import { refusal } from "../../../policies/findings.ts";
import { guard } from "../../../policies/guard/llm-guard.ts";
import { preview, UNKNOWN } from "../analyse.ts";
import { model, service } from "../manifests.ts";

const about = {
  title: "A rule",
  description: "A rule of a test.",
  remedy: "None.",
  severity: "low",
  tags: [],
  level: "mandatory",
} as const;

const LLM_MODEL = "urn:pulumi:test::test::my:index:Team$llmkube:index:LlmModel::gemma";

/** Refuses what it is shown, by its fields. */
const sees = defineRule({
  ...about,
  name: "sees-all",
  config: z.strictObject({ word: z.enum(["large", "huge"]).default("large"), most: z.int().min(1).max(9).default(3) }),
  checkModel: ({ label, spec }, { word, most }) =>
    refusal(`${label}: spec.hardware.memoryBudget is ${word}, ${most}, ${spec.source}`),
  checkService: ({ label, spec }) =>
    refusal(`${label}: spec.contextSize is ${spec.contextSize}, see spec.endpoint.port`),
});

const throws = (error: unknown): Rule =>
  defineRule({
    ...about,
    name: "throws-up",
    config: z.strictObject({}),
    checkModel: () => {
      throw error;
    },
    checkServed: async () => {
      await Promise.resolve();
      throw error;
    },
  });

const gemma = model({ source: "/m.gguf" });

describe("LlmGuard's dispatcher", () => {
  it("turns what a rule throws into a finding with its name, without a stack trace", async () => {
    for (const error of [new TypeError("x is not a function"), "just text", undefined]) {
      const reports = await preview({ rules: [throws(error), sees] }, [gemma, service({ contextSize: 4096 })]);
      const [onModel = "", seen = "", onService = ""] = reports;
      assert.match(
        onModel,
        /^throws-up: Model default\/gemma could not be checked by throws-up: [^\n]*\. This is a fault of the policy\.$/,
      );
      assert.match(onService, /^throws-up: InferenceService default\/gemma could not be checked by throws-up: /);
      assert.match(seen, /^sees-all: /);
      assert.doesNotMatch(reports.join("\n"), / at |\.ts:/);
    }
  });

  it("turns what a rule about the stack throws into a finding too", async () => {
    const rule: StackRule = defineStackRule({
      ...about,
      name: "stack-throws",
      config: z.strictObject({}),
      checkStack: () => {
        throw new Error("boom");
      },
    });
    assert.deepEqual(await preview({ stackRules: [rule] }, [gemma]), [
      "stack-throws: the stack: The stack could not be checked by stack-throws: boom. This is a fault of the policy.",
    ]);
  });

  it("names the arguments of an LlmModel where it made the resource, and the fields of the manifest elsewhere", async () => {
    const as = { parent: LLM_MODEL };
    const served = service({ contextSize: 4096 });
    assert.deepEqual(
      await preview({ rules: [sees] }, [
        { inputs: gemma, as },
        { inputs: served, as },
      ]),
      [
        "sees-all: Model default/gemma: memoryBudget is large, 3, /m.gguf.",
        "sees-all: InferenceService default/gemma: serving.contextSize is 4096, see serving.port.",
      ],
    );
    const other = { parent: "urn:pulumi:test::test::llmkube:index:LlmModel$my:index:Team::gemma" };
    assert.deepEqual(await preview({ rules: [sees] }, [{ inputs: gemma, as: other }]), [
      "sees-all: Model default/gemma: spec.hardware.memoryBudget is large, 3, /m.gguf.",
    ]);
  });

  it("reports a fault of its configuration once, and checks with what is left of it", async () => {
    const second = model({ source: "/n.gguf" }, "second");
    const resources = [gemma, { inputs: second, as: { name: "second" } }];
    const faults: ReadonlyArray<readonly [config: object, fault: string, word: string]> = [
      [{ most: 12 }, "most is 12; it must be a whole number from 1 to 9", "large, 3"],
      [{ most: "5", word: "huge" }, 'most is "5"; it must be a whole number from 1 to 9', "huge, 3"],
      [{ mosst: 5, word: "huge" }, "mosst is not a field; did you mean most?", "huge, 3"],
      [{ word: "tiny", most: 5 }, 'word is "tiny"; it must be one of large, huge', "large, 5"],
      [{ exclude: [{ name: "gemma" }], most: 5 }, "exclude[0].reason is missing; it must be text", "large, 5"],
    ];
    for (const [config, fault, word] of faults) {
      assert.deepEqual(await preview({ rules: [sees], config: { "sees-all": config } }, resources), [
        `sees-all: The configuration of sees-all: ${fault.replace(/[^?]$/, "$&.")}`,
        `sees-all: Model default/gemma: spec.hardware.memoryBudget is ${word}, /m.gguf.`,
        `sees-all: Model default/second: spec.hardware.memoryBudget is ${word}, /n.gguf.`,
      ]);
    }
  });

  it("lets the engine's configuration go before the program's options, and null be as good as nothing", async () => {
    const options = { seesAll: { word: "huge", most: 7 } };
    const config = { "sees-all": { most: 4, word: null } };
    assert.deepEqual(await preview({ rules: [sees], options, config }, [gemma]), [
      "sees-all: Model default/gemma: spec.hardware.memoryBudget is huge, 4, /m.gguf.",
    ]);
  });

  it("lets pass by policy and name, and says why", async () => {
    const resources = [gemma, { inputs: model({ source: "/n.gguf" }, "second"), as: { name: "second" } }];
    const exclude = [{ policy: "sees-all", name: "default/second", reason: "it is being tried out" }];
    assert.deepEqual(await preview({ rules: [sees], options: { exclude } }, resources), [
      "sees-all: Model default/gemma: spec.hardware.memoryBudget is large, 3, /m.gguf.",
      "memory-notes: sees-all lets this pass, because it is being tried out: Model default/second: spec.hardware.memoryBudget is large, 3, /n.gguf.",
    ]);
    const config = { "sees-all": { exclude: [{ name: "gemma", reason: "of age" }] } };
    const [first = ""] = await preview({ rules: [sees], config }, resources);
    assert.match(first, /^memory-notes: sees-all lets this pass, because of age: Model default\/gemma/);
  });

  it("finds what is known though a required field is not", async () => {
    assert.deepEqual(
      await preview({ rules: [sees] }, [model({ source: UNKNOWN }), service({ modelRef: UNKNOWN, contextSize: 512 })]),
      [
        "sees-all: Model default/gemma: spec.hardware.memoryBudget is large, 3, undefined.",
        "sees-all: InferenceService default/gemma: spec.contextSize is 512, see spec.endpoint.port.",
      ],
    );
  });

  it("reads a resource once for all policies, and once more where it comes with new inputs", async () => {
    let reads = 0;
    const counted = (inputs: object) =>
      new Proxy(inputs, {
        get: (target, key) => {
          if (key === "spec") reads += 1;
          return Reflect.get(target, key);
        },
      });
    const many = Array.from(
      { length: 20 },
      (_, index): Rule => ({
        ...sees,
        name: `sees-${"abcdefghijklmnopqrst"[index]}`,
        checkModel: ({ label, spec }) => refusal(`${label}, ${index}: ${spec.source}`),
      }),
    );
    const reports = await preview({ rules: many }, [counted(gemma)]);
    assert.equal(reports.length, 20);
    assert.equal(reads, 1);
    const replaced = await preview({ rules: many }, [counted(gemma), counted(model({ source: "/new.gguf" }))]);
    assert.equal(reads, 3);
    assert.equal(replaced.filter((text) => text.includes("/new.gguf")).length, 20);
  });

  it("tells a cause once where two policies of one level find the same, and again where one of them is mandatory", async () => {
    const other = (level: "advisory" | "mandatory"): Rule => ({ ...sees, name: "sees-too", level });
    const heard = async (level: "advisory" | "mandatory") =>
      (await preview({ rules: [{ ...sees, level: "advisory" }, other(level)] }, [gemma, gemma])).map(
        (text) => text.split(":")[0],
      );
    assert.deepEqual(await heard("advisory"), ["sees-all", "sees-all"]);
    // The second time only the stricter one has anything to add.
    assert.deepEqual(await heard("mandatory"), ["sees-all", "sees-too", "sees-too"]);
  });

  it("tells a manifest that is none by a policy that remains, where its own is disabled", async () => {
    const faulty = service({ priority: "urgent" });
    const heard = async (memoryFits: "mandatory" | "disabled") =>
      (await preview({ rules: RULES, options: { memoryFits } }, [faulty])).filter((text) => text.includes("urgent"));
    assert.deepEqual(
      (await heard("mandatory")).map((text) => text.split(":")[0]),
      ["memory-fits"],
    );
    const remaining = (await heard("disabled")).map((text) => text.split(":")[0]);
    assert.ok(remaining.includes("exposure"), remaining.join());
  });

  it("costs no look at the whole stack where nothing is left for the end", () => {
    const skipped = guard({}, [throws("x")], []).map((policy) =>
      "validateStack" in policy ? Reflect.get(policy.validateStack, "__pulumiType") : undefined,
    );
    assert.deepEqual(skipped, Array(2).fill("nothing that this policy looks at"));
  });
});

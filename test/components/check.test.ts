import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { LlmModelArgs } from "../../components/args.ts";
import { checkedArgs } from "../../components/check.ts";
import { modelSpec, serviceSpec } from "../../components/specs.ts";
import { Pending, registered } from "./mocked.ts";

const SOURCE = "hf://org/repo/model.gguf";

class Refused extends Error {}

function refuse(problem: string): never {
  throw new Refused(problem);
}

function checked(args: unknown): LlmModelArgs {
  // What a program without types, or the configuration of a stack, may hand over.
  return checkedArgs(args as LlmModelArgs, refuse);
}

const SOURCE_EXPECTED =
  "it must be a URL (https, http, file, hf, s3 or pvc), an absolute path without spaces or the name of a repository," +
  " for example hf://org/repo/model.gguf";
const FRACTION_EXPECTED = "it must be a number above 0 and at most 1, for example 0.75";
const CONTEXT_EXPECTED = "it must be a whole number from 128 to 2097152";

const BAD: ReadonlyArray<readonly [args: object, problem: string]> = [
  [{ source: undefined }, `source is missing; ${SOURCE_EXPECTED}`],
  [{ source: "has space" }, `source is "has space"; ${SOURCE_EXPECTED}`],
  [{ sha256: "abc" }, 'sha256 is "abc"; it must be a SHA-256 in 64 hexadecimal digits'],
  [
    { memoryBudget: "24GB" },
    'memoryBudget is "24GB"; it must be a quantity of bytes: a number with a Kubernetes suffix, for example 24Gi',
  ],
  [{ memoryBudget: "0" }, 'memoryBudget is "0"; it must be above 0, for example 24Gi'],
  [{ memoryBudget: "-8Gi" }, 'memoryBudget is "-8Gi"; it must be above 0, for example 24Gi'],
  [{ memoryBudget: "1e400" }, 'memoryBudget is "1e400"; it must be at most 1Ei, for example 24Gi'],
  [
    { memoryBudget: 24 },
    "memoryBudget is 24, a number; it must be a Kubernetes quantity of bytes above 0 and at most 1Ei, for example 24Gi, in quotes",
  ],
  [{ memoryFraction: 0 }, `memoryFraction is 0; ${FRACTION_EXPECTED}`],
  [{ memoryFraction: 1.5 }, `memoryFraction is 1.5; ${FRACTION_EXPECTED}`],
  [{ memoryFraction: Number.NaN }, `memoryFraction is NaN; ${FRACTION_EXPECTED}`],
  [{ memoryBugdet: "24Gi" }, "memoryBugdet is not a field; did you mean memoryBudget?"],
  [{ contextSize: 4096 }, "contextSize is not a field; did you mean serving.contextSize?"],
  [{ accelerator: "gpu" }, 'accelerator is "gpu"; it must be one of cpu, metal, cuda, rocm, intel, vulkan'],
  [
    { endpointHost: "http://x" },
    'endpointHost is "http://x"; it must be a host name or an IP address, such as 127.0.0.1',
  ],
  [{ serving: true }, "serving is true; it must be an object with the settings of the server"],
  [{ serving: { contextSize: 100 } }, `serving.contextSize is 100; ${CONTEXT_EXPECTED}`],
  [{ serving: { contextSize: 4096.5 } }, `serving.contextSize is 4096.5; ${CONTEXT_EXPECTED}`],
  [
    { serving: { cacheTypeK: "q3" } },
    'serving.cacheTypeK is "q3"; it must be one of f16, f32, q8_0, q4_0, q4_1, q5_0, q5_1, iq4_nl',
  ],
  [
    { serving: { cacheTypeV: "q8_0", flashAttention: false } },
    "a V cache in q8_0 needs flash attention: turn flash attention on, or use f16",
  ],
  [{ serving: { draftTokens: 8 } }, "serving.draftTokens is set, but serving.draftModel is not: name the draft model"],
  [{ serving: { extraArgs: ["--ctx-size", "9"] } }, 'spec.extraArgs: "--ctx-size" is refused: set spec.contextSize'],
];

describe("arguments of LlmModel", () => {
  for (const [args, problem] of BAD) {
    it(`are refused: ${problem}`, () => {
      assert.throws(() => checked({ source: SOURCE, ...args }), new Refused(problem));
    });
  }

  it("become specs of what was given, without a Pulumi program", () => {
    const serving = { contextSize: 4096, port: 9000 };
    assert.deepEqual(JSON.parse(JSON.stringify(modelSpec({ source: SOURCE, memoryBudget: "1Gi" }))), {
      source: SOURCE,
      hardware: { accelerator: "metal", memoryBudget: "1Gi" },
    });
    assert.deepEqual(JSON.parse(JSON.stringify(serviceSpec("gemma", serving))), {
      modelRef: "gemma",
      contextSize: 4096,
      endpoint: { port: 9000 },
    });
  });
});

describe("arguments of LlmModel that are outputs", () => {
  /** The problem with which the value at `field` was refused when it arrived; undefined: it was not. */
  async function problemWhenKnown(args: object, field: (checkedArgs: LlmModelArgs) => unknown) {
    const problems: string[] = [];
    const record = (problem: string): never => {
      problems.push(problem);
      throw new Refused(problem);
    };
    const { outputs } = await registered(() => {
      const value = field(checkedArgs({ source: SOURCE, ...args } as LlmModelArgs, record));
      assert.ok(pulumi.Output.isInstance(value));
      return settled(value);
    });
    return { problems, outputs };
  }

  /** The value of an output, or that it was refused: by Pulumi's own promise of it, which its types leave out. */
  async function settled(value: pulumi.Output<unknown>): Promise<unknown> {
    assert.ok("promise" in value && typeof value.promise === "function");
    try {
      return await value.promise();
    } catch (error) {
      assert.ok(error instanceof Refused, String(error));
      return "refused";
    }
  }

  it("pass through where they are good", async () => {
    const result = await problemWhenKnown({ memoryBudget: pulumi.output("1Gi") }, (args) => args.memoryBudget);
    assert.deepEqual(result, { problems: [], outputs: "1Gi" });
  });

  it("are refused as plain ones are, and do not reach a resource", async () => {
    const result = await problemWhenKnown({ memoryBudget: Promise.resolve("24GB") }, (args) => args.memoryBudget);
    assert.deepEqual(result, {
      problems: [
        'memoryBudget is "24GB"; it must be a quantity of bytes: a number with a Kubernetes suffix, for example 24Gi',
      ],
      outputs: "refused",
    });
  });

  it("are held to rules across fields together with what is known", async () => {
    const serving = { cacheTypeV: pulumi.output("q8_0"), flashAttention: false };
    const result = await problemWhenKnown({ serving }, (args) => args.serving?.cacheTypeV);
    assert.deepEqual(result.problems, ["a V cache in q8_0 needs flash attention: turn flash attention on, or use f16"]);
  });

  it("are not shown where they are secret", async () => {
    const result = await problemWhenKnown({ sha256: pulumi.secret("hunter2") }, (args) => args.sha256);
    assert.deepEqual(result.problems, ["sha256 is not valid; its value is secret and not shown"]);
  });

  it("are asked for in a preview only where they are known", async () => {
    const { outputs } = await registered(() => {
      const { value } = new Pending("other");
      const args = checked({ source: value, memoryBudget: pulumi.output("1Gi") });
      return { memoryBudget: args.memoryBudget };
    }, "preview");
    assert.deepEqual(outputs, { memoryBudget: "1Gi" });
  });

  it("can be every argument but serving itself", () => {
    assert.throws(
      () => checked({ source: SOURCE, serving: pulumi.output({ contextSize: 4096 }) }),
      new Refused("serving must be a plain object, not an output, because it decides which resources are created"),
    );
  });
});

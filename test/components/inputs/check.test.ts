import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { LlmModelArgs } from "../../../components/model/args.ts";
import { type CheckedArgs, checkedArgs } from "../../../components/model/checked-args.ts";
import { LlmModel } from "../../../components/model/llm-model.ts";
import { modelSpec, serviceSpec } from "../../../components/model/specs.ts";
import { Pending, registered } from "../mocked.ts";

const SOURCE = "hf://org/repo/model.gguf";

class Refused extends Error {}

function refuse(problem: string): never {
  throw new Refused(problem);
}

function checked(args: unknown): CheckedArgs {
  // What a program without types, or the configuration of a stack, may hand over.
  return checkedArgs("gemma", args as LlmModelArgs, refuse);
}

const SOURCE_EXPECTED =
  "it must be a URL (https, http, file, hf, s3 or pvc), an absolute path without spaces or the name of a repository," +
  " for example hf://org/repo/model.gguf";
const SOURCE_MISSING =
  "it must be the location of the weights, for example hf://org/repo/model.gguf; to serve a Model that is there already, set" +
  " modelRef to its name";
const FRACTION_EXPECTED = "it must be a number above 0 and at most 1, for example 0.75";
const CONTEXT_EXPECTED = "it must be a whole number from 128 to 2097152";

const HOST_EXPECTED =
  "it must be a host name or an IP address alone, such as 127.0.0.1 or ::1; scheme, port (serving.port) and path are added to it";
const HUB_EXPECTED = "it must name a file of a repository: hf://org/repo/file.gguf";
const KEY_EXPECTED =
  "it must be at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, after a DNS name and / or without, for example example.com/team";
const LABEL_EXPECTED =
  "it must be at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit";
const NAME_EXPECTED =
  "it must be at most 253 lower case letters, digits, '-' and '.', starting and ending with a letter or digit, for example llama-3-8b";
const V_CACHE_PROBLEM =
  "serving.cacheTypeV is q8_0, which needs flash attention; set serving.flashAttention to true, or serving.cacheTypeV to f16";

const BAD: ReadonlyArray<readonly [args: object, problem: string]> = [
  [{ source: undefined }, `source is missing; ${SOURCE_MISSING}`],
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
  ...["http://x", "x:8080", "[::1]:8080", "x/v1", "a b", "-x", "fe80::1%en0", ""].map(
    (host) => [{ endpointHost: host }, `endpointHost is ${JSON.stringify(host)}; ${HOST_EXPECTED}`] as const,
  ),
  [{ serving: true }, "serving is true; it must be an object with the settings of the server"],
  [{ serving: { contextSize: 100 } }, `serving.contextSize is 100; ${CONTEXT_EXPECTED}`],
  [{ serving: { contextSize: 4096.5 } }, `serving.contextSize is 4096.5; ${CONTEXT_EXPECTED}`],
  [
    { serving: { cacheTypeK: "q3" } },
    'serving.cacheTypeK is "q3"; it must be one of f16, f32, q8_0, q4_0, q4_1, q5_0, q5_1, iq4_nl',
  ],
  [{ serving: { cacheTypeV: "q8_0", flashAttention: false } }, V_CACHE_PROBLEM],
  [{ serving: { draftTokens: 8 } }, "serving.draftTokens is set, but serving.draftModel is not: name the draft model"],
  [
    { serving: { extraArgs: ["--ctx-size", "9"] } },
    'serving.extraArgs: "--ctx-size" is refused: set serving.contextSize',
  ],
  [{ serving: { extraArgs: ["-ngl", "9"] } }, 'serving.extraArgs: "-ngl" is refused: set gpuLayers'],
  [{ serving: { extraArgs: ["--port=9"] } }, 'serving.extraArgs: "--port" is refused: set serving.port'],
  [
    { serving: { extraArgs: ["--no-warmup"] } },
    'serving.extraArgs: "--no-warmup" is refused: set serviceSpec.noWarmup',
  ],
  [{ serving: { extraArgs: ["--temp"] } }, 'serving.extraArgs: "--temp" needs a value'],
  [{ source: "hf://" }, `source is "hf://"; ${HUB_EXPECTED}`],
  [{ source: "hf://org" }, `source is "hf://org"; ${HUB_EXPECTED}`],
  [{ source: "hf://org/repo" }, `source is "hf://org/repo"; ${HUB_EXPECTED}`],
  [{ source: "hf://org/../x.gguf" }, `source is "hf://org/../x.gguf"; ${HUB_EXPECTED}`],
  [{ source: "https://" }, 'source is "https://"; it is not a valid address'],
  [{ source: "file://" }, 'source is "file://"; it must be file:///absolute/path'],
  [{ mmproj: "" }, `mmproj is ""; ${SOURCE_EXPECTED}`],
  [{ mmproj: "hf://org/repo" }, `mmproj is "hf://org/repo"; ${HUB_EXPECTED}`],
  [{ quantization: "" }, 'quantization is ""; it must have at least 1 characters'],
  [{ labels: { "a b": "x" } }, `labels["a b"] is not a key that Kubernetes takes; ${KEY_EXPECTED}`],
  [{ labels: { "": "x" } }, `labels[""] is not a key that Kubernetes takes; ${KEY_EXPECTED}`],
  [{ labels: { "A.example/x": "x" } }, `labels["A.example/x"] is not a key that Kubernetes takes; ${KEY_EXPECTED}`],
  [{ labels: { a: "b c" } }, `labels.a is "b c"; ${LABEL_EXPECTED}`],
  [{ annotations: { "a/b/c": "x" } }, `annotations["a/b/c"] is not a key that Kubernetes takes; ${KEY_EXPECTED}`],
  [
    { annotations: { a: "x".repeat(200_000), b: "x".repeat(100_000) } },
    "annotations: they must have at most 262144 bytes together, keys counted",
  ],
  [{ serving: { draftModel: "" } }, `serving.draftModel is ""; ${NAME_EXPECTED}`],
  [
    { name: "gemma", serving: { draftModel: "gemma" } },
    'serving.draftModel is "gemma", which is this model itself; it must be the name of a smaller Model',
  ],
  [
    { serving: { batchSize: 512, uBatchSize: 1024 } },
    "serving.uBatchSize is 1024, more than serving.batchSize, which is 512; it must be at most that",
  ],
  [
    { serving: { uBatchSize: 4096 } },
    "serving.uBatchSize is 4096, more than serving.batchSize, which is 2048 by default; it must be at most that",
  ],
  [
    { name: "a".repeat(64), serving: {} },
    `name is "${"a".repeat(64)}", of 64 characters; with serving it must have at most 63, as the names of Services: set a shorter name`,
  ],
  [{ serving: { extraArgs: ["--temp", null] } }, "serving.extraArgs[1] is null; it must be text"],
  [{ serving: { nodeSelector: { a: "b" } } }, "serving.nodeSelector is not a field; set serviceSpec.nodeSelector"],
  [{ suspend: true }, "suspend is not a field; set serviceSpec.suspend"],
  [{ refreshPolicy: "OnChange" }, "refreshPolicy is not a field; set modelSpec.refreshPolicy"],
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
  async function problemWhenKnown(args: object, field: (checkedArgs: CheckedArgs) => unknown) {
    const problems: string[] = [];
    const record = (problem: string): never => {
      problems.push(problem);
      throw new Refused(problem);
    };
    const { outputs } = await registered(() => {
      const value = field(checkedArgs("gemma", { source: SOURCE, ...args } as LlmModelArgs, record));
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
    assert.deepEqual(result.problems, [V_CACHE_PROBLEM]);
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

  it("can be serving as a whole, as other languages hand it over", async () => {
    const { outputs } = await registered(() => {
      const { serving } = checked({
        serving: pulumi.output({ contextSize: 4096, draftModel: "small" }),
        source: SOURCE,
      });
      assert.ok(serving);
      return serviceSpec("gemma", serving);
    });
    assert.deepEqual(JSON.parse(JSON.stringify(outputs)), {
      modelRef: "gemma",
      contextSize: 4096,
      speculativeDecoding: { type: "draft-simple", draftModelRef: "small" },
    });
  });

  it("leave the settings of serving open in a preview where it is not known as a whole", async () => {
    const program = () => {
      const serving = new Pending("other").value.apply(() => ({ contextSize: 4096 }));
      new LlmModel("gemma", { source: SOURCE, serving });
    };
    const { resources } = await registered(program, "preview");
    const service = resources.find(({ inputs }) => inputs["kind"] === "InferenceService");
    const { spec, metadata } = service?.inputs ?? {};
    // Some settings are annotations.
    const annotations = { __pulumiUnknown: true };
    assert.deepEqual(JSON.parse(JSON.stringify(metadata)), { name: "gemma", namespace: "default", annotations });
    const { modelRef, contextSize } = spec as Record<string, unknown>;
    assert.deepEqual(JSON.parse(JSON.stringify({ modelRef, contextSize })), {
      modelRef: "gemma",
      contextSize: { __pulumiUnknown: true },
    });
  });

  it("are refused where serving turns out to be null, because that decides which resources are created", async () => {
    const result = await problemWhenKnown({ serving: pulumi.output(null) }, (args) => args.serving?.contextSize);
    assert.deepEqual(result, {
      problems: ["serving is an output that is null; leave serving out where nothing serves the model"],
      outputs: "refused",
    });
  });

  it("do not show a secret that another value does not go with", async () => {
    const args = { source: pulumi.secret("hf://org/hunter2"), format: pulumi.output("gguf") };
    const result = await problemWhenKnown(args, (known) => pulumi.all([known.source, known.format]));
    assert.deepEqual(result.problems.length, 1);
    assert.doesNotMatch(result.problems.join(), /hunter2/);
    assert.match(result.problems.join(), /value is secret and not shown/);
  });
});

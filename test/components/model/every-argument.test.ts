import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { LlmModelArgs } from "../../../components/model/args.ts";
import { llmModelArgsSchema, servingSchema } from "../../../components/model/args-schema.ts";
import { type CheckedArgs, checkedArgs } from "../../../components/model/checked-args.ts";
import { LlmModel } from "../../../components/model/llm-model.ts";
import { onDemandAnnotations } from "../../../components/model/on-demand.ts";
import { modelSpec, serviceSpec } from "../../../components/model/specs.ts";
import { Pending, registered } from "../mocked.ts";
import { EVERY_SETTING } from "./every-setting.ts";

/** A good value of every argument. */
const GOOD = {
  source: "hf://org/repo/model.gguf",
  sha256: "0".repeat(64),
  format: "gguf",
  quantization: "Q8_0",
  mmproj: "hf://org/repo/mmproj.gguf",
  memoryBudget: "512Mi",
  memoryFraction: 0.5,
  accelerator: "cpu",
  gpuLayers: -1,
  modelSpec: { prefetch: true },
  serviceSpec: { suspend: true },
  estimate: true,
  hostMemory: "16Gi",
  waitForReady: true,
  readyTimeoutSeconds: 60,
  name: "g3",
  namespace: "lab",
  labels: { team: "a" },
  annotations: { note: "b" },
  endpointHost: "127.0.0.1",
  gateway: "127.0.0.1:4000",
  serving: EVERY_SETTING,
} satisfies LlmModelArgs;

type Path = readonly [string] | readonly ["serving", string];

/** `modelRef` takes the place of `source` and of much else; its tests are in llm-model-extras.test.ts. */
const PATHS: readonly Path[] = [
  ...Object.keys(llmModelArgsSchema.omit({ modelRef: true }).shape).map((name): Path => [name]),
  ...Object.keys(servingSchema.shape).map((name): Path => ["serving", name]),
];

class Refused extends Error {}

function check(args: unknown): CheckedArgs {
  return checkedArgs("gemma", args as LlmModelArgs, (problem) => {
    throw new Refused(problem);
  });
}

/** The good arguments with another value at `path`. */
function withValue(path: Path, value: unknown): Record<string, unknown> {
  const [first, second] = path;
  // These two need serving.
  const alone = path.length === 1 && first === "serving" ? { waitForReady: undefined, serviceSpec: undefined } : {};
  return second === undefined
    ? { ...GOOD, ...alone, [first]: value }
    : { ...GOOD, serving: { ...GOOD.serving, [second]: value } };
}

function goodValue([first, second]: Path): unknown {
  const value: unknown = Reflect.get(GOOD, first);
  return second === undefined ? value : Reflect.get(value as object, second);
}

/** What a Model and an InferenceService would get. */
function specsOf(args: CheckedArgs): unknown {
  const { serving, source, name, namespace, labels, annotations, endpointHost, gateway } = args;
  const metadata = { name, namespace, labels, annotations, endpointHost };
  return JSON.parse(
    JSON.stringify([
      { ...metadata, service: onDemandAnnotations(serving ?? {}, gateway) },
      source && modelSpec({ ...args, source }),
      serving && serviceSpec("g3", serving),
    ]),
  );
}

function problemOf(args: unknown): string | undefined {
  try {
    check(args);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Refused, `${error}`);
    return error.message;
  }
}

const HUGE_TEXT = "x".repeat(2_000_000);
const ANYTHING: Readonly<Record<string, unknown>> = {
  "a number": 7,
  "a negative number": -1e300,
  NaN: Number.NaN,
  "an empty text": "",
  "a text": "wrong one",
  "a huge text": HUGE_TEXT,
  "a boolean": false,
  "an object": { a: { b: 1 } },
  "a list": [1, [2]],
  "a huge list": Array.from({ length: 50_000 }, () => "x"),
  "a function": () => "x",
  "a symbol": Symbol("x"),
  "a large integer": 10n ** 40n,
  "a date in an object": { a: new Date(0) },
  "a date": new Date(0),
  "a map": new Map([["a", 1]]),
};

/** What of the table above some arguments take, or other arguments do not go with. */
const RIGHT: Readonly<Record<string, readonly string[]>> = {
  quantization: ["a text"],
  estimate: ["a boolean"],
  waitForReady: ["a boolean"],
  readyTimeoutSeconds: ["a number"],
  "serving.flashAttention": ["a boolean"],
  "serving.evictionProtection": ["a boolean"],
  "serving.jinja": ["a boolean"],
  gpuLayers: ["a number"],
  "serving.parallelSlots": ["a number"],
  "serving.batchSize": ["a number"],
  "serving.uBatchSize": ["a number"],
  "serving.replicas": ["a number"],
  "serving.port": ["a number"],
  "serving.draftTokens": ["a number"],
};

describe("every argument of LlmModel", () => {
  it("is in this table", () => {
    for (const path of PATHS) assert.notEqual(goodValue(path), undefined, path.join("."));
  });

  for (const path of PATHS) {
    const field = path.join(".");

    it(`${field}: null is absent`, () => {
      if (field === "source") {
        assert.match(problemOf({ source: null }) ?? "", /^source is missing; it must be /);
        return;
      }
      const withoutTokens = field === "serving.draftModel" ? { draftTokens: null } : {};
      const serving = { ...GOOD.serving, ...withoutTokens };
      const given = withValue(path, null);
      const args = path.length === 2 ? { ...given, serving: { ...serving, [path[1]]: null } } : given;
      const absent = JSON.parse(JSON.stringify(args, (_, value) => value ?? undefined));
      assert.deepEqual(specsOf(check(args)), specsOf(check(absent)));
    });

    for (const [what, value] of Object.entries(ANYTHING)) {
      if (RIGHT[field]?.includes(what)) continue;
      it(`${field}: ${what} is refused in one sentence that names it`, () => {
        const problem = problemOf(withValue(path, value)) ?? "it passed";
        assert.ok(problem.startsWith(field), problem);
        assert.doesNotMatch(problem, /\n/);
        assert.ok(problem.length < 500, problem);
      });
    }

    it(`${field}: what holds itself is refused in one sentence that names it`, () => {
      const circle: Record<string, unknown> = {};
      circle["circle"] = circle;
      assert.match(
        problemOf(withValue(path, circle)) ?? "",
        new RegExp(`^${path[0]}: it must be nested at most 64 levels`),
      );
      const list: unknown[] = [];
      list.push(list);
      assert.match(
        problemOf(withValue(path, list)) ?? "",
        new RegExp(`^${path[0]}: it must be nested at most 64 levels`),
      );
    });

    it(`${field}: a resource in place of one of its outputs is refused`, async () => {
      const { outputs } = await registered(() =>
        problemOf(withValue(path, new LlmModel("other", { source: GOOD.source }))),
      );
      assert.ok(String(outputs).startsWith(field), String(outputs));
    });
  }
});

describe("outputs among the arguments of LlmModel", () => {
  for (const path of PATHS) {
    const field = path.join(".");

    it(`${field}: an output of null is absent, and one of the wrong kind is refused by name`, async () => {
      const told = [
        await toldOf(withValue(path, pulumi.output(null))),
        await toldOf(
          withValue(
            path,
            pulumi.output(() => 1),
          ),
        ),
      ];
      const required: Readonly<Record<string, string>> = {
        source: "source is missing",
        "serving.draftModel": "serving.draftTokens is set, but serving.draftModel is not",
        serving: "serving is an output that is null",
      };
      if (required[field] === undefined) assert.deepEqual(told[0], [], field);
      else assert.ok(told[0]?.[0]?.startsWith(required[field]), String(told[0]));
      assert.ok(told[1]?.[0]?.startsWith(field), String(told[1]));
    });

    it(`${field}: a promise that is rejected is told by name`, async () => {
      const told = await toldOf(withValue(path, Promise.reject(new Error("no such key"))));
      assert.deepEqual(told, [`${field} is a promise that was rejected: no such key`]);
    });

    it(`${field}: what is not known in a preview hides and refuses nothing`, async () => {
      const { outputs, resources } = await registered(() => {
        const unknown = new Pending("other").value;
        new LlmModel("gemma", withValue(path, unknown) as unknown as LlmModelArgs);
        return problemOf({ ...withValue(path, unknown), [field === "sha256" ? "quantization" : "sha256"]: "" });
      }, "preview");
      assert.match(String(outputs), field === "sha256" ? /^quantization/ : /^sha256/);
      assert.equal(resources.filter(({ type }) => type.startsWith("kubernetes:")).length, 2);
    });
  }

  it("are checked one by one inside a list", async () => {
    const list = ["--temp", pulumi.output("0.7")];
    assert.deepEqual(await toldOf(withValue(["serving", "extraArgs"], list)), []);
    const bad = ["--temp", pulumi.output(7)];
    assert.deepEqual(await toldOf(withValue(["serving", "extraArgs"], bad)), [
      "serving.extraArgs[1] is 7, a number; it must be text, in quotes",
    ]);
    const { resources } = await registered(() => {
      const extraArgs = ["--temp", new Pending("other").value];
      new LlmModel("gemma", { ...GOOD, serving: { ...GOOD.serving, extraArgs } });
    }, "preview");
    const service = resources.find(({ inputs }) => inputs["kind"] === "InferenceService");
    const { extraArgs } = (service?.inputs["spec"] ?? {}) as Record<string, unknown>;
    assert.deepEqual(JSON.parse(JSON.stringify(extraArgs)), ["--temp", { __pulumiUnknown: true }]);
  });
});

/** The problems that are told once everything has arrived, each once. */
async function toldOf(args: unknown): Promise<readonly string[]> {
  const problems = new Set<string>();
  await registered(async () => {
    try {
      const checked = checkedArgs("gemma", args as LlmModelArgs, (problem) => {
        problems.add(problem);
        throw new Refused(problem);
      });
      await Promise.all(outputsIn(checked).map(arrival));
    } catch (error) {
      assert.ok(error instanceof Refused, String(error));
    }
  });
  return [...problems];
}

function outputsIn(value: unknown): readonly pulumi.Output<unknown>[] {
  if (pulumi.Output.isInstance(value)) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(outputsIn) : [];
}

/** When an output is known or refused: by Pulumi's own promise of it, which its types leave out. */
async function arrival(value: pulumi.Output<unknown>): Promise<void> {
  assert.ok("promise" in value && typeof value.promise === "function");
  await value.promise().catch((error: unknown) => assert.ok(error instanceof Refused, String(error)));
}

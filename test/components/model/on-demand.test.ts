import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { LlmModel, type LlmModelArgs } from "../../../components/index.ts";
import { Pending, registered } from "../mocked.ts";

const SOURCE = "hf://org/repo/model.gguf";
const IDLE = "llmkube.dev/idle-unload";
const NAMES = "llmkube.dev/model-aliases";
const CACHE = "llmkube.dev/prompt-cache";
const GATEWAY = "llmkube.dev/gateway";

/** The annotations of Model and InferenceService, and the endpoint. */
async function made(args: () => Partial<LlmModelArgs>, phase: "preview" | "up" = "up") {
  const { resources, outputs } = await registered(
    () => new LlmModel("gemma", { source: SOURCE, ...args() }).endpoint,
    phase,
  );
  const annotationsOf = (kind: string) => {
    const found = resources.find(({ type }) => type.endsWith(`/v1alpha1:${kind}`));
    return (found?.inputs["metadata"] as { annotations?: object } | undefined)?.annotations;
  };
  return { model: annotationsOf("Model"), service: annotationsOf("InferenceService"), endpoint: outputs };
}

async function refusal(args: object): Promise<string> {
  try {
    await registered(() => new LlmModel("gemma", { source: SOURCE, ...args } as LlmModelArgs).modelName);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "it was not refused";
}

describe("the settings of LlmModel for a gateway", () => {
  const cases: Readonly<Record<string, readonly [args: () => Partial<LlmModelArgs>, service: object | undefined]>> = {
    "none: no annotation": [() => ({ serving: {} }), undefined],
    "an empty list of aliases: no annotation": [() => ({ serving: { aliases: [] } }), undefined],
    idleUnload: [() => ({ serving: { idleUnload: "10m" } }), { [IDLE]: "10m" }],
    aliases: [() => ({ serving: { aliases: ["gpt-4o", "a:b"] } }), { [NAMES]: "gpt-4o,a:b" }],
    promptCache: [() => ({ serving: { promptCache: "auto" } }), { [CACHE]: "auto" }],
    savedSlots: [() => ({ serving: { savedSlots: "off" } }), { "llmkube.dev/saved-slots": "off" }],
    "outputs, and an output of null": [
      () => ({
        serving: {
          idleUnload: pulumi.output("never"),
          aliases: ["a", pulumi.output("b")],
          promptCache: pulumi.output(null) as never,
        },
      }),
      { [IDLE]: "never", [NAMES]: "a,b" },
    ],
    "serving as an output": [() => ({ serving: pulumi.output({ aliases: ["a"] }) }), { [NAMES]: "a" }],
    "serving as an output without any of them": [() => ({ serving: pulumi.output({ contextSize: 4096 }) }), undefined],
    "annotations of the program's own, which win": [
      () => ({ serving: { idleUnload: "10m", promptCache: "off" }, annotations: { [IDLE]: "never", note: "b" } }),
      { [IDLE]: "never", [CACHE]: "off", note: "b" },
    ],
    "those of the wait for a server": [
      () => ({ serving: { idleUnload: "10m" }, waitForReady: true }),
      { [IDLE]: "10m", "pulumi.com/waitFor": "condition=llmkube.dev/Available", "pulumi.com/timeoutSeconds": "1800" },
    ],
  };
  for (const [what, [args, service]] of Object.entries(cases)) {
    it(`annotate the InferenceService alone: ${what}`, async () => {
      const found = await made(args);
      assert.deepEqual(found.service, service);
      assert.deepEqual(found.model, args().annotations);
    });
  }

  const bad: readonly (readonly [args: object, says: string])[] = [
    [
      { serving: { idleUnload: "10" } },
      'serving.idleUnload: "10" is no idle time: write a duration from 1s to 24h such as 10m, or never',
    ],
    [
      { serving: { aliases: ["gpt-4o", "a,b"] } },
      'serving.aliases: "a,b" is no alias: write 1 to 128 letters, digits and . _ : @ / -, which begin and end with a letter or digit',
    ],
    [
      { serving: { aliases: Array.from({ length: 17 }, (_, index) => `m${index}`) } },
      "serving.aliases: 17 aliases are too many: write at most 16",
    ],
    [
      { serving: { savedSlots: "no" } },
      'serving.savedSlots: "no" does not say whether conversations are saved: write auto or off',
    ],
    [
      { serving: { promptCache: "2GB" } },
      'serving.promptCache: "2GB" is no prompt cache: write auto, off, or a quantity of at least 1Mi such as 2Gi',
    ],
    [
      { serving: {}, annotations: { [CACHE]: "on" } },
      `annotations["${CACHE}"]: "on" is no prompt cache: write auto, off, or a quantity of at least 1Mi such as 2Gi`,
    ],
    [
      { serving: {}, gateway: "127.0.0.1" },
      'gateway is "127.0.0.1"; it must be where clients reach the gateway: HOST:PORT, http://HOST:PORT or https://HOST:PORT, without a path, for example 127.0.0.1:8080',
    ],
  ];
  for (const [args, says] of bad) {
    it(`are refused by the names that people write: ${says.slice(0, 50)}`, async () =>
      assert.equal(await refusal(args), `LlmModel gemma: ${says}`));
  }

  it("are not known in a preview where an alias is not", async () => {
    const { service, endpoint } = await made(() => ({ serving: { aliases: [new Pending("other").value] } }), "preview");
    assert.deepEqual(Object.keys(service ?? {}), ["__pulumiUnknown"]);
    assert.equal(endpoint, "http://gemma.default.svc.cluster.local:8080/v1");
  });
});

describe("the endpoint of an LlmModel behind a gateway", () => {
  const cases: readonly (readonly [args: () => Partial<LlmModelArgs>, endpoint: string, origin: string])[] = [
    [() => ({ gateway: "127.0.0.1:8080" }), "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"],
    [() => ({ gateway: pulumi.output("[::1]:80") }), "http://[::1]:80/v1", "http://[::1]:80"],
    [
      () => ({ gateway: "https://llm.example.com/", serving: { port: 9000 } }),
      "https://llm.example.com/v1",
      "https://llm.example.com",
    ],
    [
      () => ({ gateway: "mac.local:8080", endpointHost: "127.0.0.1", serving: { port: 9000 } }),
      "http://mac.local:8080/v1",
      "http://mac.local:8080",
    ],
  ];
  for (const [args, endpoint, origin] of cases) {
    it(`is ${endpoint}, and the InferenceService says so to the policies`, async () => {
      const found = await made(() => ({ serving: {}, ...args() }));
      assert.equal(found.endpoint, endpoint);
      assert.deepEqual(found.service, { [GATEWAY]: origin });
      assert.equal(found.model, undefined);
    });
  }

  it("is none where nothing serves the model", async () => {
    const found = await made(() => ({ gateway: "127.0.0.1:8080" }));
    assert.equal(found.endpoint, undefined);
  });
});

import assert from "node:assert/strict";
import { estimateSpecs } from "../../../components/estimate/estimate-specs.ts";
import type { Estimated } from "../../../components/estimate/estimate-types.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("the estimate of the specs of a component", () => {
  let source = "";
  before(async () => {
    source = await writeSynthetic(readTruth(), "llama3.1-8b", await temporaryDirectory());
  });

  async function estimated(hardware: object, service?: object, hostMemory?: string): Promise<Estimated> {
    const model = { source, hardware: { accelerator: "metal", ...hardware } };
    const answer = await estimateSpecs({ model, service: service && { modelRef: "m", ...service }, hostMemory });
    assert.ok(answer.ok, answer.ok ? "" : answer.error);
    return answer.value;
  }

  it("counts with the settings of the service, and with the defaults where nothing serves the model", async () => {
    const { estimatedMemory: served } = await estimated({}, { contextSize: 8192 });
    const { estimatedMemory: alone } = await estimated({});
    assert.equal(served.parts["kv"], 2 ** 30);
    assert.equal(alone.parts["kv"], 2 ** 28);
    assert.equal(served.confidence, "exact");
    const sum = Object.values(served.parts).reduce((total, bytes) => total + bytes, 0);
    assert.equal(served.totalBytes, sum);
  });

  it("counts a prompt cache that the annotations of the service ask for as a quantity", async () => {
    const counted = async (promptCache: unknown) => {
      const annotations = { "llmkube.dev/prompt-cache": promptCache };
      const specs = { model: { source, hardware: { accelerator: "metal" } }, service: { modelRef: "m" }, annotations };
      const answer = await estimateSpecs({ ...specs, hostMemory: undefined });
      return answer.ok ? answer.value.estimatedMemory.parts["promptCache"] : answer.error;
    };
    assert.equal(await counted("1Gi"), 1088 * 2 ** 20);
    assert.equal(await counted("auto"), undefined);
    assert.match(String(await counted("much")), /^metadata\.annotations\["llmkube\.dev\/prompt-cache"\]: "much" is no/);
    assert.equal(await counted(7), "its spec is not valid");
  });

  // Some 5.2 GiB with the default context.
  const verdicts: readonly [
    what: string,
    hardware: object,
    hostMemory: string | undefined,
    fits: boolean | undefined,
  ][] = [
    ["an absolute budget that holds it", { memoryBudget: "8Gi" }, undefined, true],
    ["an absolute budget that is too small", { memoryBudget: "4Gi" }, undefined, false],
    ["a share of a memory that is not known", { memoryFraction: 0.5 }, undefined, undefined],
    ["a share of a memory that is known", { memoryFraction: 0.5 }, "16Gi", true],
    ["a share that is too small", { memoryFraction: 0.25 }, "16Gi", false],
    ["no budget, and a memory that is not known", {}, undefined, undefined],
    ["no budget, and a Mac that is large enough", {}, "16Gi", true],
    ["a budget above what a Mac gives to all models together", { memoryBudget: "8Gi" }, "8Gi", false],
  ];
  for (const [what, hardware, hostMemory, fits] of verdicts) {
    it(`says whether it fits: ${what}`, async () => {
      assert.equal((await estimated(hardware, {}, hostMemory)).fits, fits);
    });
  }

  const refused: readonly [what: string, model: object, service: object, says: RegExp][] = [
    ["no such file", { source: "/nowhere/m.gguf" }, {}, /\/nowhere\/m\.gguf: there is no such file/],
    ["memory of its own", { hardware: { accelerator: "cuda" } }, {}, /^accelerator cuda has memory of its own/],
    ["another format", { format: "mlx" }, {}, /only gguf models can be estimated/],
    ["another runtime", {}, { runtime: "vllm" }, /^runtime vllm is not estimated, only llamacpp is$/],
    [
      "a draft model of its own",
      {},
      { speculativeDecoding: { type: "draft-simple", draftModelRef: "d" } },
      /^its draft model is a Model of its own/,
    ],
    ["a field that is not served", {}, { noKvOffload: true }, /noKvOffload is not supported/],
  ];
  for (const [what, model, service, says] of refused) {
    it(`fails with one sentence: ${what}`, async () => {
      const specs = {
        model: { source, hardware: { accelerator: "metal" }, ...model },
        service: { modelRef: "m", ...service },
      };
      const answer = await estimateSpecs({ ...specs, hostMemory: undefined });
      assert.ok(!answer.ok);
      assert.match(answer.error, says);
      assert.ok(!answer.error.includes("\n"));
    });
  }
});

import assert from "node:assert/strict";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { analyse, analyseStack, UNKNOWN, urnOf } from "./analyse.ts";
import { model, service } from "./manifests.ts";

describe("memory-fits, before everything is there", () => {
  /** Llama 3.2 1B; served with 32768 tokens it needs 1.8 GiB. */
  let llama: string;

  before(async () => {
    llama = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });
  afterEach(() => analyseStack());

  function llamaModel(memoryBudget: string, spec: object = {}) {
    return model({ source: llama, hardware: { accelerator: "metal", memoryBudget }, ...spec });
  }

  it("checks in a preview what it can, and says what it cannot", async () => {
    const budget = { accelerator: "metal", memoryBudget: UNKNOWN };
    assert.deepEqual(await analyse(model({ source: UNKNOWN, hardware: budget })), [
      "memory-notes: Model default/gemma: spec.hardware.memoryBudget is not known yet and will be checked during the update.",
      "memory-notes: Model default/gemma: spec.source and spec.hardware.memoryBudget are not known yet and will be checked during the update.",
    ]);
    assert.deepEqual(await analyse(service({ contextSize: 32768 })), []);

    await analyse(llamaModel("1100Mi", { quantization: UNKNOWN }));
    const irrelevant = { contextSize: 32768, replicas: UNKNOWN, priority: UNKNOWN };
    assert.match((await analyse(service(irrelevant))).join(), /does not fit: estimated 1\.9 GiB required/);
    assert.deepEqual(await analyse(service({ contextSize: UNKNOWN, parallelSlots: UNKNOWN })), [
      "memory-notes: InferenceService default/gemma: spec.contextSize and spec.parallelSlots are not known yet and will be" +
        " checked during the update.",
    ]);
    assert.deepEqual(await analyse(service({ modelRef: UNKNOWN })), [
      "memory-notes: InferenceService default/gemma: spec.modelRef is not known yet and will be checked during the update.",
    ]);
    assert.deepEqual(await analyse(service({ contextSize: UNKNOWN, priority: "urgent" })), [
      'memory-fits: InferenceService default/gemma: spec.priority is "urgent"; it must be one of critical, high, normal, low,' +
        " batch.",
    ]);
  });

  it("judges at the end a service that came before its Model", async () => {
    const early = service({ contextSize: 32768 });
    assert.deepEqual(await analyse(early), [
      "memory-notes: InferenceService default/gemma: Model default/gemma was not registered before it, so it is checked at the" +
        " end, or not at all if that Model is not in this stack. To have it checked before it is created, let it depend on its" +
        " Model (dependsOn).",
    ]);
    assert.deepEqual(await analyse(llamaModel("1100Mi")), []);
    const [report = "", ...more] = await analyseStack();
    assert.ok(
      report.startsWith(`${urnOf(early)}: Model default/gemma does not fit: estimated 1.9 GiB required`),
      report,
    );
    assert.deepEqual(more, []);
    assert.deepEqual(await analyseStack(), []);
  });

  it("leaves a service whose Model is in no stack to the agent", async () => {
    const [report = ""] = await analyse(service({ contextSize: 32768 }));
    assert.match(report, /^memory-notes: /);
    assert.deepEqual(await analyseStack(), []);
  });

  it("keeps namespaces apart", async () => {
    await analyse(llamaModel("1100Mi"));
    const elsewhere = service({ contextSize: 32768 });
    elsewhere.metadata.namespace = "lab";
    const [report = ""] = await analyse(elsewhere);
    assert.match(report, /Model lab\/gemma was not registered before it/);
  });
});

import assert from "node:assert/strict";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { analyse, analyseStack } from "./analyse.ts";
import { model, service } from "./manifests.ts";

describe("memory-fits, by the host's memory", () => {
  /** Llama 3.2 1B: 663 MiB of weights, 141 MiB of them twice on Metal, 32 KiB of f16 cache a token. */
  let llama: string;

  before(async () => {
    llama = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });
  afterEach(() => analyseStack());

  function llamaModel(memoryBudget: string) {
    return model({ source: llama, hardware: { accelerator: "metal", memoryBudget } });
  }

  /** What the pack reports on a Model and then on its service. */
  async function reportsOn(spec: object, serving: object, config: object = {}) {
    const analysis = { config: { "memory-fits": config } };
    return [await analyse(model(spec), analysis), await analyse(service(serving), analysis)];
  }

  it("takes the share of the configured host's memory, or the agent's share of it", async () => {
    const onMetal = { source: llama, hardware: { accelerator: "metal" } };
    const host = { hostMemory: "1Gi" };
    const byFraction = { ...onMetal, hardware: { ...onMetal.hardware, memoryFraction: 0.7 } };
    const [, fraction] = await reportsOn(byFraction, { contextSize: 8192 }, host);
    assert.match(fraction?.join() ?? "", /budget 716\.\d MiB \(1\.0 GiB total \* 70%\)/);
    const [, agent] = await reportsOn(onMetal, { contextSize: 8192 }, { ...host, agentMemoryFraction: 0.8 });
    assert.match(agent?.join() ?? "", /budget 819\.\d MiB \(1\.0 GiB total \* 80%\)/);
    const [, adaptive] = await reportsOn(onMetal, { contextSize: 8192 }, { hostMemory: "1.1Gi" });
    assert.match(adaptive?.join() ?? "", /budget 75\d\.\d MiB \(1\.1 GiB total \* 67%\)/);
    assert.ok(![fraction, agent, adaptive].flat().join().includes("this machine"));
  });

  it("leaves 4 GiB of the configured Mac to macOS, as its agent will", async () => {
    const spec = { source: llama, hardware: { accelerator: "metal", memoryBudget: "5Gi" } };
    const host = { hostMemory: "8Gi" };
    const [, small] = await reportsOn(spec, { contextSize: 32768 }, host);
    assert.deepEqual(small, []);
    const [, large] = await reportsOn(spec, { contextSize: 114688 }, host);
    assert.match(
      large?.join() ?? "",
      /does not fit: estimated 4\.\d GiB required, but all models of the machine together may use 4\.0 GiB \(8\.0 GiB less 4\.0 GiB kept for macOS \(--reserve\)\); lower contextSize/,
    );
  });

  it("leaves the configured reserve to macOS, as an agent with --reserve will", async () => {
    const spec = { source: llama, hardware: { accelerator: "metal", memoryBudget: "5Gi" } };
    const [, fits] = await reportsOn(spec, { contextSize: 114688 }, { hostMemory: "8Gi", reserve: "2Gi" });
    assert.deepEqual(fits, []);
    const [, large] = await reportsOn(spec, { contextSize: 114688 }, { hostMemory: "16Gi", reserve: "12Gi" });
    assert.match(
      large?.join() ?? "",
      /together may use 4\.0 GiB \(16\.0 GiB less 12\.0 GiB kept for macOS \(--reserve\)\)/,
    );
    const [slip] = await reportsOn(spec, {}, { reserve: "4" });
    assert.match(
      slip?.join() ?? "",
      /configuration of memory-fits: reserve is "4"; it must be a quantity of bytes of at least 1Gi/,
    );
  });

  it("holds the configured Mac to the least working set that Metal may recommend, as its agent will", async () => {
    const spec = { source: llama, hardware: { accelerator: "metal", memoryBudget: "22Gi" } };
    const serving = { contextSize: 625_280, parallelSlots: 8 };
    const [, unasked] = await reportsOn(spec, serving, { hostMemory: "32Gi" });
    assert.match(unasked?.join() ?? "", /together may use 21\.3 GiB \(the Metal working set\)/);
    const [, chosen] = await reportsOn(spec, serving, { hostMemory: "32Gi", agentMemoryFraction: 0.8 });
    assert.deepEqual(chosen, []);
  });

  it("caps a budget by the configured host's memory", async () => {
    const spec = { source: llama, hardware: { accelerator: "metal", memoryBudget: "64Gi" } };
    const [, onService] = await reportsOn(spec, { contextSize: 32768 }, { hostMemory: "1Gi" });
    assert.match(onService?.join() ?? "", /budget 1\.0 GiB \(absolute from CRD\), capped from 64\.0 GiB by the node's/);
    const [, unconfigured] = await reportsOn(spec, { contextSize: 32768 });
    assert.deepEqual(unconfigured, []);
  });

  it("holds no budget to this machine's memory, which need not be the host's", async () => {
    await analyse(llamaModel("1Ti"));
    // 128 GiB of cache: more than the machines have that run this.
    const reports = await analyse(service({ contextSize: 2_097_152, cacheTypeK: "f32", cacheTypeV: "f32" }));
    assert.deepEqual(
      reports.filter((text) => !text.startsWith("memory-notes")),
      [],
    );
  });
});

import assert from "node:assert/strict";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { type EstimateMemoryArgs, estimateMemory, type MemoryEstimate } from "../../../components/index.ts";
import { writeGgufFile } from "../../support/gguf-writer.ts";
import { LORA_ADAPTER, LORA_ADAPTER_BYTES } from "../../support/lora-adapter.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { Pending, registered } from "../mocked.ts";

describe("estimateMemory", () => {
  let llama = "";
  before(async () => {
    llama = await writeSynthetic(readTruth(), "llama3.1-8b", await temporaryDirectory());
  });

  it("takes inputs and puts out bytes, parts and the largest context of a budget", async () => {
    const found = await settled({ source: pulumi.output(llama), contextSize: 8192, memoryBudget: "8Gi" });
    assert.equal(found.parts["kv"], 2 ** 30);
    assert.equal(found.parts["weights"], 4653375488);
    assert.equal(
      found.totalBytes,
      Object.values(found.parts).reduce((sum, bytes) => sum + bytes, 0),
    );
    assert.equal(found.confidence, "exact");
    const { maxContextSize = 0 } = found;
    const largest = await settled({ source: llama, contextSize: maxContextSize });
    assert.ok(maxContextSize > 8192 && largest.totalBytes <= 8 * 2 ** 30);
  });

  it("counts what is served beside the model", async () => {
    const lora = join(await temporaryDirectory(), "lora.gguf");
    await writeGgufFile(lora, LORA_ADAPTER);
    const beside = await settled({ source: llama, draft: pulumi.output(llama), loras: [lora], mmproj: undefined });
    assert.equal(beside.parts["lora"], LORA_ADAPTER_BYTES);
    assert.ok((beside.parts["draft"] ?? 0) > 4653375488);
    await assert.rejects(
      settled({ source: llama, draft: "/nowhere/d.gguf" }),
      /\/nowhere\/d\.gguf: there is no such file/,
    );
    await assert.rejects(
      settled({ source: llama, loras: [llama] }),
      /it is a model .* where a LoRA adapter is expected/,
    );
  });

  it("takes null for absent", async () => {
    const names = ["contextSize", "parallel", "cacheTypeK", "cacheTypeV", "flashAttention", "batchSize", "ubatchSize"];
    const others = ["backend", "mmproj", "draft", "draftTokens", "loras", "memoryBudget"];
    const nulls = Object.fromEntries([...names, ...others].map((name) => [name, pulumi.output(null)]));
    assert.deepEqual(await settled({ source: llama, ...nulls }), await settled({ source: llama }));
  });

  it("has no largest context without a budget", async () => {
    assert.equal((await settled({ source: llama })).maxContextSize, undefined);
  });

  const bad: ReadonlyArray<readonly [name: string, args: Partial<EstimateMemoryArgs>, message: RegExp]> = [
    ["a budget in GB", { memoryBudget: "24GB" }, /^estimateMemory: memoryBudget "24GB" is not a quantity/],
    ["a context of 0", { contextSize: 0 }, /^estimateMemory: .*the context size is 0; it must be a whole number/],
    ["a missing file", { source: "/nowhere/m.gguf" }, /^estimateMemory: .*\/nowhere\/m\.gguf/],
  ];
  for (const [name, args, message] of bad) {
    it(`rejects with one sentence for ${name}`, async () => {
      await assert.rejects(settled({ source: llama, ...args }), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    });
  }

  it("stays unknown in a preview while its source is unknown", async () => {
    let known: boolean | undefined;
    await registered(async () => {
      known = await isKnown(estimateMemory({ source: new Pending("unknown").value }));
      return "";
    }, "preview");
    assert.equal(known, false);
  });
});

function settled(args: EstimateMemoryArgs): Promise<MemoryEstimate> {
  return promiseOf(estimateMemory(args));
}

// Output has no public promise of its value; both members are in its implementation's interface.
function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  const promise: unknown = Reflect.get(output, "promise");
  if (typeof promise !== "function") throw new Error("an output without a promise");
  return promise.call(output);
}

async function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
  return await Reflect.get(output, "isKnown");
}

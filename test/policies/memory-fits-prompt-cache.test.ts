import assert from "node:assert/strict";
import { memoryFits } from "../../policies/rules/memory-fits.ts";
import { gemmaFile } from "../support/gemma-header.ts";
import { modelFile, reportsOf } from "./rules/table.ts";

describe("memory-fits, of a service that asks for a prompt cache", () => {
  const shown = async (cache: string, memoryBudget = "1Gi", source?: string) =>
    reportsOf(memoryFits, {
      model: { source: source ?? (await modelFile({})), hardware: { accelerator: "metal", memoryBudget } },
      service: {},
      annotations: { "llmkube.dev/prompt-cache": cache },
      config: { hostMemory: "16Gi" },
    });
  const advised = (report: string) => Number(/with one of up to (\d+)Mi \(auto takes what is left\)/.exec(report)?.[1]);

  it("accepts what the budget leaves above the need", async () => {
    for (const cache of ["64Mi", "auto", "off"]) assert.deepEqual(await shown(cache), []);
  });

  it("refuses more than that, and says what would fit: just that", async () => {
    const [told = "", ...more] = await shown("1Gi");
    assert.deepEqual(more, []);
    assert.match(told, /does not fit: [\s\S]+ \+ prompt cache 1\.0 GiB/);
    assert.match(told, /^What would fit: these settings without the prompt cache, or with one of up to \d+Mi /m);
    const largest = advised(told);
    assert.deepEqual(await shown(`${largest}Mi`), []);
    assert.equal((await shown(`${largest + 1}Mi`)).length, 1);
  });

  it("leaves room for the context checkpoints of a model with sliding windows", async () => {
    const file = await gemmaFile();
    const [told = ""] = await shown("1Gi", "1Gi", file);
    const largest = advised(told);
    assert.deepEqual(await shown(`${largest}Mi`, "1Gi", file), []);
    assert.equal((await shown(`${largest + 1}Mi`, "1Gi", file)).length, 1);
  });

  it("says nothing of a smaller one where a model does not fit even without it", async () => {
    const [told = ""] = await shown("1Gi", "2Mi");
    assert.match(told, /does not fit: /);
    assert.doesNotMatch(told, /with one of up to/);
  });
});

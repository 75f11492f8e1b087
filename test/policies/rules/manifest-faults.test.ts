import assert from "node:assert/strict";
import { extraArgs } from "../../../policies/rules/extra-args.ts";
import { memoryBudgetValid } from "../../../policies/rules/memory-budget-valid.ts";
import { memoryFits } from "../../../policies/rules/memory-fits.ts";
import { preview, type Registered } from "../analyse.ts";
import { model, service } from "../manifests.ts";
import { modelFile } from "./table.ts";

const RULES = [memoryBudgetValid, extraArgs, memoryFits];
const KEY = { "bad key!": "x" };

/** Manifests that LlmModel would refuse to write, from somebody who writes them by hand. */
describe("hand-written manifests", () => {
  const hardware = { accelerator: "metal", memoryBudget: "8Gi" };

  async function reportsOf(spec: object, serving?: object): Promise<readonly string[]> {
    const source = await modelFile({});
    const served: readonly Registered[] = serving === undefined ? [] : [service(serving)];
    return preview({ rules: RULES }, [model({ source, hardware, ...spec }), ...served]);
  }

  const faulty: ReadonlyArray<readonly [what: string, spec: object, serving: object | undefined, report: RegExp]> = [
    [
      "a bare hf://",
      { source: "hf://" },
      undefined,
      /^memory-budget-valid: .* spec\.source is "hf:\/\/"; it must name a file/,
    ],
    [
      "a repository",
      { source: "hf://org/repo" },
      undefined,
      /^memory-budget-valid: .* it must name a file of a repository/,
    ],
    ["a bare projector", { mmproj: "hf://" }, undefined, /^memory-budget-valid: .* spec\.mmproj is "hf:\/\/"/],
    [
      "a large micro-batch",
      {},
      { batchSize: 512, uBatchSize: 1024 },
      /^memory-fits: .* spec\.uBatchSize is 1024, more than spec\.batchSize, which is 512; /,
    ],
    [
      "one above the default",
      {},
      { uBatchSize: 4096 },
      /^memory-fits: .* more than spec\.batchSize, which is 2048 by default/,
    ],
    [
      "a selector",
      {},
      { nodeSelector: KEY },
      /^memory-fits: .* spec\.nodeSelector has the key "bad key!"; it must be at most 63/,
    ],
    ["labels of pods", {}, { podLabels: KEY }, /^memory-fits: .* spec\.podLabels has the key "bad key!"/],
    [
      "a model that drafts for itself",
      {},
      { speculativeDecoding: { type: "draft-simple", draftModelRef: "gemma" } },
      /^memory-fits: .* spec\.speculativeDecoding\.draftModelRef is "gemma", the model itself/,
    ],
  ];
  for (const [what, spec, serving, report] of faulty) {
    it(`are refused once for ${what}`, async () => {
      const found = await reportsOf(spec, serving);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", report);
    });
  }

  it("may have a micro-batch of any size for embeddings, whose batch follows it", async () => {
    const serving = { mode: "embedding", contextSize: 8192, uBatchSize: 4096 };
    assert.doesNotMatch((await reportsOf({}, serving)).join(), /uBatchSize/);
    assert.match((await reportsOf({}, { ...serving, batchSize: 2048 })).join(), /uBatchSize is 4096, more than/);
  });

  it("are refused for keys of a Model's labels", async () => {
    const inputs = model({ source: await modelFile({}), hardware });
    const found = await preview({ rules: RULES }, [{ ...inputs, metadata: { ...inputs.metadata, labels: KEY } }]);
    assert.match(found.join(), /^memory-budget-valid: Model default\/gemma: metadata\.labels has the key "bad key!"/);
  });

  it("have a bad argument told once, and by memory-fits where extra-args is not as strict", async () => {
    const bad = service({ extraArgs: ["--ctx-size", "8192"] });
    const source = await modelFile({});
    const told = async (level: "mandatory" | "advisory" | "disabled") => {
      const options = { extraArgs: level };
      const found = await preview({ rules: RULES, options }, [model({ source, hardware }), bad]);
      return found.filter((text) => text.includes("--ctx-size")).map((text) => text.split(":")[0]);
    };
    assert.deepEqual(await told("mandatory"), ["extra-args"]);
    assert.deepEqual(await told("advisory"), ["extra-args", "memory-fits"]);
    assert.deepEqual(await told("disabled"), ["memory-fits"]);
  });
});

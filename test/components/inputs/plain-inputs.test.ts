import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { GiB } from "../../../api/bytes.ts";
import { LlmModel, LlmNode, type LlmNodeArgs } from "../../../components/index.ts";
import type { LlmModelArgs } from "../../../components/model/args.ts";
import { Pending, registered } from "../mocked.ts";

const SOURCE = "hf://org/repo/model.gguf";

/** With which inputs the component itself reached the engine, in a preview. */
async function shown(program: () => LlmModel | LlmNode): Promise<unknown> {
  const { resources } = await registered(() => program().urn, "preview");
  return resources.find(({ type }) => type.startsWith("llmkube:"))?.inputs;
}

describe("what a component shows of itself when it is registered", () => {
  const later = () => new Pending("other").value;
  const nodes: readonly [what: string, args: () => LlmNodeArgs, inputs: object][] = [
    [
      "a Mac and what its models may use",
      () => ({ memory: "128Gi", labels: { room: "a" }, address: "10.0.0.7" }),
      { nodeName: "studio", memory: "128Gi", allocatable: `${96 * GiB}`, labels: { room: "a" } },
    ],
    ["its own name", () => ({ nodeName: "mac-1", server: "https://10.0.0.1:6443" }), { nodeName: "mac-1" }],
    ["nothing of a memory that is an output", () => ({ memory: later() }), { nodeName: "studio" }],
    [
      "no allocatable where the fraction is an output",
      () => ({ memory: "64Gi", memoryFraction: pulumi.output(0.5), labels: { room: later(), floor: "1" } }),
      { nodeName: "studio", memory: "64Gi", labels: { floor: "1" } },
    ],
    [
      "nothing that is null",
      () => ({ memory: "64Gi", memoryFraction: null, labels: null, reserve: null }) as never,
      { nodeName: "studio", memory: "64Gi", allocatable: `${48 * GiB}` },
    ],
  ];
  for (const [what, args, inputs] of nodes) {
    it(`of an LlmNode: ${what}`, async () => {
      assert.deepEqual(await shown(() => new LlmNode("studio", args())), inputs);
    });
  }

  const models: readonly [what: string, args: () => LlmModelArgs, inputs: object][] = [
    [
      "where its files are",
      () => ({ source: SOURCE, mmproj: "/p.gguf", memoryBudget: "4Gi" }),
      { source: SOURCE, mmproj: "/p.gguf" },
    ],
    ["nothing that is an output", () => ({ source: later(), mmproj: Promise.resolve("/p.gguf") }), {}],
    ["nothing of the Model of another", () => ({ modelRef: "gemma", serving: {} }), {}],
  ];
  for (const [what, args, inputs] of models) {
    it(`of an LlmModel: ${what}`, async () => {
      assert.deepEqual(await shown(() => new LlmModel("gemma", args())), inputs);
    });
  }

  for (const args of [{ memory: 128 }, { memory: "128GB" }, { memory: "2Gi" }, { memory: "16Gi", labels: "x" }, []]) {
    it(`and what is wrong is refused as before: ${JSON.stringify(args)}`, async () => {
      await assert.rejects(
        shown(() => new LlmNode("studio", args as LlmNodeArgs)),
        /LlmNode studio: (memory|labels|its arguments)/,
      );
    });
  }
});

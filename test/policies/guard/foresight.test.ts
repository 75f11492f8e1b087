import assert from "node:assert/strict";
import { memoryFits } from "../../../policies/rules/memory-fits.ts";
import { sendRange, startServer } from "../../gguf/range-server.ts";
import { writeGguf } from "../../support/gguf-writer.ts";
import { preview, UNKNOWN } from "../analyse.ts";
import { model } from "../manifests.ts";

const FILE = { head: writeGguf({ metadata: { "general.architecture": "llama" } }), fileBytes: 2 ** 30, etag: '"one"' };

describe("memory-fits, ahead of need", () => {
  it("begins to read the headers of all LlmModels when they are registered, before the first Model", async () => {
    const asked: string[] = [];
    let both: () => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      both = resolve;
    });
    // Neither is answered until both have been asked for: read one after the other, they would never be.
    const server = await startServer((request, response) => {
      asked.push(request.url ?? "");
      if (asked.length === 2) both();
      arrived.then(() => sendRange(request, response, FILE)).catch(() => response.destroy());
    });
    const sourceOf = (name: string) => `${server.origin}/${name}.gguf`;
    const component = (name: string, props: object) => ({
      inputs: props,
      as: { name, type: "llmkube:index:LlmModel" },
    });
    const config = { "memory-fits": { headerTimeoutSeconds: 10 } };
    try {
      const reports = await preview({ rules: [memoryFits], config }, [
        component("one", { source: sourceOf("one") }),
        component("two", { source: sourceOf("two"), mmproj: UNKNOWN }),
        component("later", { source: UNKNOWN }),
        model({ source: sourceOf("one"), hardware: { accelerator: "metal", memoryBudget: "1Gi" } }, "one"),
        {
          inputs: model({ source: sourceOf("two"), hardware: { accelerator: "metal", memoryBudget: "1Gi" } }, "two"),
          as: { name: "two" },
        },
      ]);
      assert.deepEqual(asked.toSorted(), ["/one.gguf", "/two.gguf"]);
      assert.equal(
        reports.filter((text) => text.includes("whether it fits is not known")).length,
        0,
        reports.join("\n"),
      );
    } finally {
      await server.stop();
    }
  });
});

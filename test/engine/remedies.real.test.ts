import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { parse } from "yaml";
import { InferenceService, Model } from "../../components/index.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";

const PACK = join(import.meta.dirname, "../policies/remedies/pack");

/** What only the engine decides: that it makes what a remedy says, shows that, and asks for it again at the next update. */
describe("a context that does not fit, with auto-context", function () {
  this.timeout(120_000);
  let engine: Engine;
  let source: string;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    source = await writeSynthetic(readTruth(), "llama3.2-1b", engine.folder);
  });
  after(() => engine?.close());

  it("is shortened in the preview and in the update, and is no change afterwards", async () => {
    const metadata = { name: "llama", namespace: "default" };
    const stack = await inlineStack(engine, "remedied", async () => {
      const provider = new k8s.Provider("manifests", {
        renderYamlToDirectory: join(engine.folder, "remedied"),
        kubeconfig: "",
      });
      const hardware = { accelerator: "metal", memoryBudget: "1100Mi" } as const;
      const model = new Model("llama", { metadata, spec: { source, hardware } }, { provider });
      const spec = { modelRef: "llama", contextSize: 32_768 };
      new InferenceService("llama", { metadata, spec }, { provider, dependsOn: model });
    });
    const options = { policyPacks: [PACK], color: "never" as const, diff: true };
    const preview = await stack.preview(options);
    assert.match(preview.stdout, /auto-context set spec\.contextSize to \d+, the largest that fits, from 32768/);
    assert.match(preview.stdout, /auto-context/);
    await stack.up(options);
    const made = await renderedContext(join(engine.folder, "remedied/1-manifest"));
    assert.ok(made >= 2048 && made < 32_768, String(made));
    const again = await stack.preview(options);
    assert.deepEqual(
      Object.keys(again.changeSummary).filter((op) => op !== "same"),
      [],
      again.stdout,
    );
  });
});

/** Of the one InferenceService in the folder. */
async function renderedContext(folder: string): Promise<number> {
  const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), "utf8")));
  return texts.map((text) => parse(text)).find(({ kind }) => kind === "InferenceService").spec.contextSize;
}

import assert from "node:assert/strict";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { InferenceService, Model } from "../../components/index.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";

const PACK = join(import.meta.dirname, "../../policies/pack");

/** The order that LlmModel never has, with the built pack (`npm run build`): only the engine decides when a pack sees what. */
describe("an InferenceService that comes before its Model", function () {
  this.timeout(120_000);
  let engine: Engine;
  let source: string;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    source = await writeSynthetic(readTruth(), "llama3.2-1b", engine.folder);
  });
  after(() => engine?.close());

  async function preview(name: string, contextSize: number) {
    const metadata = { name: "llama", namespace: "default" };
    const hardware = { accelerator: "metal", memoryBudget: "1100Mi" } as const;
    const stack = await inlineStack(engine, name, async () => {
      const provider = new k8s.Provider("manifests", {
        renderYamlToDirectory: join(engine.folder, name),
        kubeconfig: "",
      });
      const spec = { modelRef: "llama", contextSize };
      const service = new InferenceService("llama", { metadata, spec }, { provider });
      // Resources register in the order in which their inputs are known: this one's once the engine has answered for the service.
      const later = new Promise<string>((resolve) => service.urn.apply(() => resolve(source)));
      new Model("llama", { metadata, spec: { source: later, hardware } }, { provider });
    });
    let output = "";
    const onOutput = (text: string) => {
      output += text;
    };
    const passed = await stack.preview({ policyPacks: [PACK], onOutput, onError: onOutput, color: "never" }).then(
      () => true,
      () => false,
    );
    return { passed, output };
  }

  it("is refused at the end of the preview where it does not fit", async () => {
    const { passed, output } = await preview("early", 32768);
    assert.equal(passed, false, output);
    assert.match(
      output,
      /\[mandatory\].* memory-fits +\(.*:InferenceService: llama\)\n.*\n +Model default\/llama does not fit/,
    );
    assert.match(output, /\[advisory\].* memory-notes[^[]*Model default\/llama was not registered before it/);
  });

  it("passes where it fits, with a note on the order", async () => {
    const { passed, output } = await preview("fitting", 4096);
    assert.equal(passed, true, output);
    assert.match(output, /Model default\/llama was not registered before it/);
  });
});

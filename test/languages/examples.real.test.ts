import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { ensureTool } from "../../toolchain/ensure.ts";
import { BUILD_TIMEOUT_MS, type Engine, startOfficialEngine } from "../support/pulumi.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { copyExample, type Example } from "./example.ts";

const CHECKOUT = join(import.meta.dirname, "..", "..");
const PACK = ["--policy-pack", join(CHECKOUT, "policies/pack")];
const GEMMA = {
  model: "1-manifest/inference.llmkube.dev_v1alpha1-model-default-gemma.yaml",
  service: "1-manifest/inference.llmkube.dev_v1alpha1-inferenceservice-default-gemma.yaml",
};

/** The examples that can be executed here, by the real engine and the official kubernetes provider. Those in Python and Go: sdks.real.test.ts. */
describe("the examples", function () {
  this.timeout(240_000);
  let engine: Engine;
  let source: string;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    const yamlHost = dirname(await ensureTool("pulumi-language-yaml"));
    engine = await startOfficialEngine();
    engine.env["PATH"] = [yamlHost, engine.env["PATH"]].join(delimiter);
    source = await writeSynthetic(readTruth(), "llama3.2-1b", engine.folder);
  });
  after(() => engine?.close());

  const change = async (example: Example, file: string, from: string, to: string) => {
    const path = join(example.folder, file);
    const text = await readFile(path, "utf8");
    assert.ok(text.includes(from), `${file} has no ${from}`);
    await writeFile(path, text.replaceAll(from, to));
  };

  it("TypeScript and YAML render the same model inside its budget", async () => {
    const [typescript, yaml] = [await copyExample(engine, "typescript"), await copyExample(engine, "yaml")];
    await change(yaml, "Pulumi.yaml", "../..", CHECKOUT);
    assert.match(await typescript.run("up", "--yes", "--skip-preview"), /endpoint *: "http:\/\/127\.0\.0\.1:8080\/v1"/);
    assert.match(await yaml.run("up", "--yes", "--skip-preview"), /endpoint *: "http:\/\/127\.0\.0\.1:8080\/v1"/);
    const files = await yaml.rendered("manifests");
    assert.deepEqual(Object.keys(files), [GEMMA.service, GEMMA.model]);
    assert.match(files[GEMMA.model] ?? "", /memoryBudget: 768Mi/);
    assert.match(files[GEMMA.service] ?? "", /cacheTypeK: q8_0[\s\S]*contextSize: 4096/);
    assert.deepEqual(await typescript.rendered("manifests"), files);
  });

  it("quickstart: the pack passes its model, and refuses a budget that is too small", async () => {
    const example = await copyExample(engine, "quickstart");
    await change(example, "index.ts", "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf", source);
    await change(example, "index.ts", "768Mi", "4Gi");
    await example.run("preview", ...PACK);
    await change(example, "index.ts", "4Gi", "300Mi");
    const { exitCode, stdout } = await example.pulumi("preview", ...PACK);
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /\[mandatory\].* memory-fits[\s\S]*What would fit/);
  });

  it("mac-fleet: has what each Mac can give, and renders both models without a cluster", async () => {
    const example = await copyExample(engine, "mac-fleet");
    const output = await example.run("up", "--yes", "--skip-preview");
    assert.match(output, /"?studio-2"?: "\d+"/);
    const names = Object.keys(await example.rendered("manifests"));
    assert.deepEqual(names, [
      "1-manifest/inference.llmkube.dev_v1alpha1-inferenceservice-default-batch.yaml",
      "1-manifest/inference.llmkube.dev_v1alpha1-inferenceservice-default-chat.yaml",
      "1-manifest/inference.llmkube.dev_v1alpha1-model-default-batch.yaml",
      "1-manifest/inference.llmkube.dev_v1alpha1-model-default-chat.yaml",
    ]);
  });

  it("policy-only: manifests that a person wrote pass, or are refused with what would fit", async () => {
    const example = await copyExample(engine, "policy-only");
    const file = "manifests/gemma.yaml";
    await change(example, file, "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf", source);
    await change(example, file, "768Mi", "4Gi");
    await example.run("preview", ...PACK);
    await change(example, file, "4Gi", "300Mi");
    const { exitCode, stdout } = await example.pulumi("preview", ...PACK);
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /\[mandatory\].* memory-fits[\s\S]*What would fit/);
  });
});

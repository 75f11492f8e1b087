import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { parse } from "yaml";
import { LlmController, LlmModel } from "../../components/index.ts";
import { BUILD_TIMEOUT_MS, type Engine, inlineStack, startEngine, startOfficialEngine } from "../support/pulumi.ts";

/** Strings that YAML would read as something else, or must fold or quote. */
const STRINGS = {
  yes: "yes",
  number: "0x1f",
  exponent: "1e3",
  empty: "",
  date: "2026-11-23",
  colon: "a: b",
  hash: "a #b",
  lines: "one\ntwo\n",
  unicode: "Gemäß 12 °C",
};

/** The same stack, rendered by the stand-in and by the official provider. */
describe("the kubernetes provider stand-in, beside the official provider", function () {
  this.timeout(180_000);
  let standIn: Engine;
  let official: Engine;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    standIn = await startEngine();
    if (!standIn.standIns.some((sentence) => sentence.includes("kubernetes provider"))) this.skip();
    official = await startOfficialEngine();
  });
  after(() => Promise.all([standIn?.close(), official?.close()]));

  async function rendered(engine: Engine): Promise<Readonly<Record<string, string>>> {
    const directory = join(engine.folder, "manifests");
    const stack = await inlineStack(engine, "same", async () => {
      const provider = new k8s.Provider("render", { renderYamlToDirectory: directory, kubeconfig: "" });
      new LlmController("fleet", { image: "registry.example/llm:1", replicas: 2 }, { provider });
      const serving = { contextSize: 4096, extraArgs: ["--temp", "0.7"] };
      new LlmModel("gemma", { source: "/models/g.gguf", memoryFraction: 0.5, serving }, { provider });
      new k8s.core.v1.ConfigMap("strings", { metadata: { name: "strings" }, data: STRINGS }, { provider });
    });
    await stack.up();
    const names = await readdir(directory, { recursive: true });
    const files = names.filter((name) => name.endsWith(".yaml")).sort();
    const texts = files.map(async (name) => [name, await readFile(join(directory, name), "utf8")] as const);
    return Object.fromEntries(await Promise.all(texts));
  }

  it("writes the same files: those of a model byte for byte, the others as equal documents", async () => {
    const [ours, theirs] = [await rendered(standIn), await rendered(official)];
    assert.deepEqual(Object.keys(ours), Object.keys(theirs));
    for (const file of Object.keys(theirs)) {
      if (file.includes("inference.llmkube.dev_v1alpha1")) assert.equal(ours[file], theirs[file], file);
      assert.deepEqual(documentIn(ours[file]), documentIn(theirs[file]), file);
    }
  });
});

/** Without what is known to differ: the stand-in writes a `false` that is the default, and the namespace that a built-in kind leaves open. */
function documentIn(text = ""): unknown {
  const { metadata, globalDefault, ...rest } = parse(text);
  const { namespace = "default", ...others } = metadata;
  return { ...rest, globalDefault: globalDefault ?? false, metadata: { ...others, namespace } };
}

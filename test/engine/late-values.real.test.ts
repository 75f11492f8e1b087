import assert from "node:assert/strict";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LlmModel, type LlmModelArgs } from "../../components/index.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";

/** Values that only outputs bring, through the real engine: what the mocks of test/components cannot show. */
describe("an LlmModel whose values come late", function () {
  this.timeout(120_000);
  let engine: Engine;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
  });
  after(() => engine?.close());

  /** What `pulumi preview` prints; it must not go through. */
  async function refusedPreview(name: string, args: () => LlmModelArgs): Promise<string> {
    const stack = await inlineStack(engine, name, async () => {
      const folder = join(engine.folder, `${name}-manifests`);
      const provider = new k8s.Provider("manifests", { renderYamlToDirectory: folder, kubeconfig: "" });
      new LlmModel("gemma", args(), { provider });
    });
    let output = "";
    const onOutput = (text: string) => {
      output += text;
    };
    await assert.rejects(stack.preview({ onOutput, onError: onOutput, color: "never" }));
    return output;
  }

  it("is refused in one sentence as soon as a bad one is known", async () => {
    const output = await refusedPreview("late", () => ({
      source: "hf://org/repo/model.gguf",
      memoryBudget: pulumi.output(Promise.resolve("24GB")),
      serving: {},
    }));
    assert.match(output, /error: .*LlmModel gemma: memoryBudget is "24GB"; it must be a quantity of bytes: /);
    assert.ok(!output.includes("    at "), output);
    assert.ok(!output.includes("kubernetes:inference.llmkube.dev/v1alpha1:Model gemma create"), output);
  });

  it("is refused without showing a secret", async () => {
    const output = await refusedPreview("secret", () => ({
      source: "hf://org/repo/model.gguf",
      sha256: pulumi.secret("hunter2"),
    }));
    assert.match(output, /error: .*LlmModel gemma: sha256 is not valid; its value is secret and not shown/);
    assert.ok(!output.includes("hunter2"), output);
  });
});

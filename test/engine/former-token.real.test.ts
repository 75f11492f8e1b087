import assert from "node:assert/strict";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { LlmModel, Model } from "../../components/index.ts";
import { formerComponentType } from "../../components/package-name.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";

const SOURCE = "hf://org/repo/model.gguf";

/** What LlmModel was before its package had a name of its own: the same child below a component of the former type. */
class FormerLlmModel extends pulumi.ComponentResource {
  constructor(name: string, opts: pulumi.ComponentResourceOptions) {
    super(formerComponentType("LlmModel"), name, {}, opts);
    const spec = { source: SOURCE, hardware: { accelerator: "metal" } } as const;
    new Model(name, { metadata: { name, namespace: "default" }, spec }, { parent: this });
    this.registerOutputs({});
  }
}

describe("a stack from before the package was named llmkube", function () {
  this.timeout(120_000);
  let engine: Engine;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
  });
  after(() => engine?.close());

  it("keeps its models: nothing is created, replaced or deleted", async () => {
    let program = (opts: pulumi.ComponentResourceOptions) => new FormerLlmModel("gemma", opts);
    const stack = await inlineStack(engine, "former", async () => {
      const folder = join(engine.folder, "former-manifests");
      program({ provider: new k8s.Provider("manifests", { renderYamlToDirectory: folder, kubeconfig: "" }) });
    });
    await stack.up();
    program = (opts) => new LlmModel("gemma", { source: SOURCE }, opts);
    const steps: string[] = [];
    const onEvent = ({ resourcePreEvent }: EngineEvent) => {
      const { op, type } = resourcePreEvent?.metadata ?? {};
      if (op !== undefined && op !== "same") steps.push(`${op} ${type}`);
    };
    await stack.preview({ onEvent });
    // The component alone, which shows more of its arguments than the former one: nothing is written for that.
    assert.deepEqual(steps, ["update llmkube:index:LlmModel"]);
    await stack.up();
    const { deployment } = await stack.exportStack();
    const types = deployment.resources.map(({ type }: { type: string }) => type);
    assert.ok(types.includes("llmkube:index:LlmModel") && !types.includes(formerComponentType("LlmModel")), types);
  });
});

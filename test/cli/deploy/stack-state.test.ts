import assert from "node:assert/strict";
import { type DeployedArgs, plain } from "../../../cli/deploy/deployment.ts";
import { readStackState } from "../../../cli/deploy/stack-state.ts";
import { onDemandAnnotations } from "../../../components/model/on-demand.ts";
import { modelSpec, serviceSpec } from "../../../components/model/specs.ts";

const ARGS: DeployedArgs = {
  source: "hf://org/repo/m.gguf",
  sha256: "a".repeat(64),
  quantization: "Q4_K_M",
  memoryBudget: "24Gi",
  memoryFraction: 0.5,
  accelerator: "metal",
  gpuLayers: -1,
  namespace: "models",
  serving: {
    ...{
      contextSize: 8192,
      parallelSlots: 2,
      flashAttention: true,
      jinja: true,
      cacheTypeK: "q8_0",
      cacheTypeV: "f16",
    },
    ...{ idleUnload: "10m", aliases: ["gpt-4o", "a:b"], promptCache: "auto", savedSlots: "off" },
    ...{ batchSize: 1024, uBatchSize: 256, replicas: 1, priority: "high", port: 8081, extraArgs: ["--temp", "0.7"] },
  },
  endpointHost: "127.0.0.1",
};

const URN = "urn:pulumi:s::llmkube-deploy::";
const TYPE = "kubernetes:inference.llmkube.dev/v1alpha1";
const PROVIDER = {
  urn: `${URN}pulumi:providers:kubernetes::manifests`,
  type: "pulumi:providers:kubernetes",
  inputs: { renderYamlToDirectory: "/m", kubeconfig: "" },
};

function stateWith(args: DeployedArgs, change: { model?: object; component?: string; annotations?: object } = {}) {
  const { component = "llmkube:index:LlmModel" } = change;
  const parent = `${URN}${component}::gemma`;
  const metadata = { name: "gemma", namespace: args.namespace ?? "default" };
  const child = (kind: string, spec: unknown, modified: string, annotations?: object) => ({
    ...{ urn: `${URN}${component}$${TYPE}:${kind}::gemma`, type: `${TYPE}:${kind}`, parent, modified },
    inputs: { metadata: { ...metadata, ...(annotations && { annotations }) }, spec },
  });
  const annotations = change.annotations ?? (onDemandAnnotations(args.serving, undefined) as object | undefined);
  return {
    resources: [
      { urn: `${URN}pulumi:pulumi:Stack::x`, type: "pulumi:pulumi:Stack" },
      PROVIDER,
      { urn: parent, type: component },
      child("Model", { ...plain(modelSpec(args)), ...change.model }, "2026-01-01T00:00:00Z"),
      child("InferenceService", plain(serviceSpec("gemma", args.serving)), "2026-01-02T00:00:00Z", annotations),
    ],
  };
}

describe("the state of a stack of deploy", () => {
  it("gives back every argument that deploy can set", () => {
    const state = readStackState(stateWith(ARGS), "s");
    assert.deepEqual(state, {
      ok: true,
      value: {
        target: { kind: "manifests", folder: "/m" },
        deployments: [{ name: "gemma", args: ARGS, updatedAt: "2026-01-02T00:00:00Z" }],
      },
    });
  });

  it("is read under the former token too, and empty where there is nothing", () => {
    const state = readStackState(stateWith(ARGS, { component: "pulumi-llmkube:index:LlmModel" }), "s");
    assert.ok(state.ok && state.value.deployments.length === 1);
    assert.deepEqual(readStackState(undefined, "s"), { ok: true, value: { target: undefined, deployments: [] } });
  });

  it("is refused where deploy would drop something: a setting that it has no flag for, or a resource of others", () => {
    const setting = readStackState(stateWith(ARGS, { model: { mmproj: "/p.gguf" } }), "s");
    assert.ok(!setting.ok);
    assert.match(
      setting.error,
      /^stack s has outgrown deploy: gemma has settings that deploy cannot set; .*pulumi up$/,
    );
    const annotated = readStackState(stateWith(ARGS, { annotations: { "llmkube.dev/gateway": "http://a:1" } }), "s");
    assert.ok(!annotated.ok);
    assert.match(annotated.error, /gemma has settings that deploy cannot set/);
    const bucket = { urn: `${URN}aws:s3:Bucket::b`, type: "aws:s3:Bucket" };
    const other = readStackState({ resources: [...stateWith(ARGS).resources, bucket] }, "s");
    assert.ok(!other.ok);
    assert.match(other.error, /it holds b of type aws:s3:Bucket/);
  });

  it("leaves out what a run that was cut short has not finished", () => {
    const { resources } = stateWith(ARGS);
    const state = readStackState({ resources: resources.slice(0, -1) }, "s");
    assert.ok(state.ok);
    assert.deepEqual(state.value.deployments, []);
  });
});

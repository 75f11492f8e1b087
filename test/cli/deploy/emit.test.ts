import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import type { Deployment } from "../../../cli/deploy/deployment.ts";
import { plainManifests } from "../../../cli/deploy/emit/manifests.ts";
import type { Emission } from "../../../cli/deploy/emit/project.ts";
import { pythonProgram } from "../../../cli/deploy/emit/python.ts";
import { typescriptProgram } from "../../../cli/deploy/emit/typescript.ts";
import { yamlProgram } from "../../../cli/deploy/emit/yaml.ts";

/** Before a brace it begins an expression of Pulumi's YAML. */
const DOLLAR = "$";

const GEMMA: Deployment = {
  name: "gemma",
  args: {
    source: `/models/a ${DOLLAR}{b}.gguf`,
    memoryBudget: "1Gi",
    serving: { contextSize: 4096, cacheTypeK: "q8_0", jinja: true, uBatchSize: 256, extraArgs: ["--temp", "0.7"] },
    endpointHost: "127.0.0.1",
  },
};

function emission(deployments: readonly Deployment[]): Emission {
  return {
    deployments,
    target: { kind: "manifests", folder: "/home/a user/manifests" },
    project: "llmkube-deploy",
    stack: "local-0123abcd",
    projectFolder: "/home/a user/project",
    packageFolder: "/opt/pulumi-llmkube",
    variables: { PULUMI_BACKEND_URL: "file:///home/a user/state", PULUMI_SKIP_UPDATE_CHECK: "true" },
  };
}

const ON_DEMAND: Deployment = {
  name: "chat",
  args: { source: "/m.gguf", serving: { idleUnload: "10m", aliases: ["gpt-4o", "a:b"], promptCache: "auto" } },
};

const named = (name: string): Deployment => ({ name, args: { source: "/m.gguf", serving: {} } });

describe("what deploy --emit prints", () => {
  it("ts: the provider and each model, in the words of the component", () => {
    const text = typescriptProgram(emission([GEMMA]));
    assert.match(text, /^ {2}renderYamlToDirectory: "\/home\/a user\/manifests",\n {2}kubeconfig: "",$/m);
    assert.match(text, /^const gemma = new LlmModel\("gemma", \{\n {2}source: "\/models\/a \$\{b\}\.gguf",$/m);
    assert.match(text, /^ {4}extraArgs: \["--temp","0\.7"\],$/m);
    assert.match(text, /^\/\/ {3}export PULUMI_BACKEND_URL='file:\/\/\/home\/a user\/state'$/m);
    assert.doesNotMatch(text, /SKIP_UPDATE/);
  });

  it("ts: identifiers that a program can have, whatever the names", () => {
    const text = typescriptProgram(emission(["3b", "class", "llama-3.1", "llama-3-1", "provider"].map(named)));
    const found = [...text.matchAll(/^const (\w+) = new LlmModel/gm)].map(([, name]) => name);
    assert.deepEqual(found, ["model3b", "classModel", "llama31", "llama312", "providerModel"]);
    assert.match(text, /^ {2}"llama-3\.1": llama31\.endpoint,$/m);
  });

  it("py: arguments as Pulumi names them in Python, and the provider in a list", () => {
    const text = pythonProgram(emission([GEMMA]));
    for (const part of [
      /^ {4}memory_budget="1Gi",$/m,
      /^ {8}cache_type_k="q8_0",$/m,
      /^ {8}u_batch_size=256,$/m,
      /^ {8}jinja=True,$/m,
      /^ {4}endpoint_host="127\.0\.0\.1",$/m,
      /^ {4}opts=pulumi\.ResourceOptions\(providers=\[provider\]\),$/m,
    ]) {
      assert.match(text, part);
    }
  });

  it("yaml: a program whose texts are no expressions, and whose names do not meet", () => {
    const program = parse(yamlProgram(emission([GEMMA, named("provider")])));
    assert.equal(program.resources.gemma.properties.source, `/models/a ${DOLLAR}${DOLLAR}{b}.gguf`);
    assert.deepEqual(program.resources.gemma.options, { providers: [`${DOLLAR}{provider-of-kubernetes}`] });
    assert.equal(program.resources["provider-of-kubernetes"].name, "manifests");
    assert.equal(program.resources.provider.type, "llmkube:LlmModel");
    assert.deepEqual(program.packages, { llmkube: "/opt/pulumi-llmkube" });
  });

  it("manifests: both objects, with nothing in them that was not asked for", () => {
    const [model, service, ...more] = parseAllDocuments(plainManifests(GEMMA)).map((document) => document.toJS());
    assert.deepEqual(more, []);
    const metadata = { name: "gemma", namespace: "default" };
    const apiVersion = "inference.llmkube.dev/v1alpha1";
    const { source, memoryBudget, serving } = GEMMA.args;
    assert.deepEqual(model, {
      ...{ apiVersion, kind: "Model", metadata },
      spec: { source, hardware: { accelerator: "metal", memoryBudget } },
    });
    assert.deepEqual(service, {
      apiVersion,
      kind: "InferenceService",
      metadata,
      spec: { modelRef: "gemma", ...serving },
    });
  });

  describe("of a model that is loaded on demand", () => {
    it("ts", () => {
      const text = typescriptProgram(emission([ON_DEMAND]));
      assert.match(text, /^ {4}aliases: \["gpt-4o","a:b"\],\n {4}idleUnload: "10m",\n {4}promptCache: "auto",$/m);
    });

    it("py", () => {
      const text = pythonProgram(emission([ON_DEMAND]));
      assert.match(text, /^ {8}aliases=\["gpt-4o", "a:b"\],\n {8}idle_unload="10m",\n {8}prompt_cache="auto",$/m);
    });

    it("yaml", () => {
      const { resources } = parse(yamlProgram(emission([ON_DEMAND])));
      assert.deepEqual(resources.chat.properties.serving, ON_DEMAND.args.serving);
    });

    it("manifests: as annotations of the service alone", () => {
      const [model, service] = parseAllDocuments(plainManifests(ON_DEMAND)).map((document) => document.toJS());
      assert.deepEqual(model.metadata, { name: "chat", namespace: "default" });
      assert.deepEqual(service.metadata.annotations, {
        "llmkube.dev/idle-unload": "10m",
        "llmkube.dev/model-aliases": "gpt-4o,a:b",
        "llmkube.dev/prompt-cache": "auto",
      });
      assert.deepEqual(service.spec, { modelRef: "chat" });
    });
  });
});

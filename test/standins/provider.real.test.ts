import assert from "node:assert/strict";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn, Stack } from "@pulumi/pulumi/automation/index.js";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";

const MODEL = { apiVersion: "inference.llmkube.dev/v1alpha1", kind: "Model" };
const CRD_FILE = "0-crd/apiextensions.k8s.io_v1-customresourcedefinition-default-models.inference.llmkube.dev.yaml";
const modelFile = (name: string): string => `1-manifest/inference.llmkube.dev_v1alpha1-model-default-${name}.yaml`;

/** Relative path and text of every manifest below the directory. */
async function rendered(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.endsWith(".yaml")).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  return Object.fromEntries(files.map((file, index) => [file, texts[index] ?? ""]));
}

function modelDefinition(opts: pulumi.CustomResourceOptions): k8s.apiextensions.v1.CustomResourceDefinition {
  const schema = { type: "object", x_kubernetes_preserve_unknown_fields: true };
  return new k8s.apiextensions.v1.CustomResourceDefinition(
    "crd",
    {
      metadata: { name: "models.inference.llmkube.dev" },
      spec: {
        group: "inference.llmkube.dev",
        names: { kind: "Model", plural: "models" },
        scope: "Namespaced",
        versions: [{ name: "v1alpha1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    },
    opts,
  );
}

const CRD_TEXT = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: models.inference.llmkube.dev
spec:
  group: inference.llmkube.dev
  names:
    kind: Model
    plural: models
  scope: Namespaced
  versions:
  - name: v1alpha1
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
    served: true
    storage: true
`;

const modelText = (name: string, memoryBudget: string): string => `apiVersion: inference.llmkube.dev/v1alpha1
kind: Model
metadata:
  name: ${name}
  namespace: default
spec:
  hardware:
    memoryBudget: ${memoryBudget}
`;

async function failure(operation: Promise<unknown>): Promise<string> {
  try {
    await operation;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  assert.fail("the operation should have failed");
}

describe("kubernetes provider stand-in, by the real engine", function () {
  this.timeout(180_000);
  let engine: Engine;
  let stack: Stack | undefined;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    if (!engine.standIns.some((sentence) => sentence.includes("kubernetes provider"))) this.skip();
  });
  afterEach(async () => {
    await stack?.destroy();
    stack = undefined;
  });
  after(() => engine?.close());

  /** A stack whose resources go to `directory` through one rendering provider. */
  async function renderingStack(name: string, declare: (opts: pulumi.CustomResourceOptions) => void) {
    const directory = join(engine.folder, `${name}-manifests`);
    const program: PulumiFn = async () => {
      // An empty kubeconfig keeps a KUBECONFIG of the developer's shell out of it.
      declare({ provider: new k8s.Provider("render", { renderYamlToDirectory: directory, kubeconfig: "" }) });
    };
    stack = await inlineStack(engine, name, program);
    return { stack, directory };
  }

  it("writes nothing at preview and exactly the official files at up, follows changes, and removes them at destroy", async () => {
    let [name, budget] = ["gemma", "1Gi"];
    const { stack, directory } = await renderingStack("lifecycle", (opts) => {
      const crd = modelDefinition(opts);
      const spec = { hardware: { memoryBudget: budget } };
      new k8s.apiextensions.CustomResource(
        "model",
        { ...MODEL, metadata: { name }, spec },
        { ...opts, dependsOn: crd },
      );
    });

    const preview = await stack.preview();
    assert.deepEqual(preview.changeSummary, { create: 4 });
    assert.deepEqual(await rendered(directory), {});

    await stack.up();
    assert.deepEqual(await rendered(directory), {
      [CRD_FILE]: CRD_TEXT,
      [modelFile("gemma")]: modelText("gemma", "1Gi"),
    });
    assert.equal((await stat(join(directory, modelFile("gemma")))).mode & 0o777, 0o600);
    const { resourceChanges } = (await stack.up()).summary;
    assert.deepEqual(resourceChanges, { same: 4 });

    budget = "2Gi";
    assert.deepEqual((await stack.preview()).changeSummary, { same: 3, update: 1 });
    assert.equal((await rendered(directory))[modelFile("gemma")], modelText("gemma", "1Gi"));
    await stack.up();
    assert.equal((await rendered(directory))[modelFile("gemma")], modelText("gemma", "2Gi"));

    name = "llama";
    assert.deepEqual((await stack.preview()).changeSummary, { same: 3, replace: 1 });
    await stack.up();
    const files = await rendered(directory);
    assert.deepEqual(Object.keys(files), [CRD_FILE, modelFile("llama")]);
    assert.equal(files[modelFile("llama")], modelText("llama", "2Gi"));

    await stack.refresh();
    await rm(join(directory, CRD_FILE)); // gone by hand: destroy goes on
    await stack.destroy();
    assert.deepEqual(await rendered(directory), {});
  });

  it("names what has no name, keeps that name, and gives a replaced object a new one", async () => {
    let value = "1";
    const { stack, directory } = await renderingStack("autoname", (opts) => {
      new k8s.core.v1.ConfigMap("settings", { data: { value } }, opts);
      new k8s.core.v1.ServiceAccount("account", {}, opts);
    });
    const configMap = (files: Record<string, string>): string =>
      Object.keys(files).find((file) => file.includes("configmap")) ?? assert.fail("no ConfigMap was rendered");

    await stack.up();
    const first = await rendered(directory);
    assert.match(configMap(first), /^1-manifest\/v1-configmap-default-settings-[0-9a-f]{8}\.yaml$/);
    assert.match(first[configMap(first)] ?? "", /annotations:\n {4}pulumi\.com\/autonamed: "true"/);
    await stack.up();
    assert.deepEqual(await rendered(directory), first);

    value = "2";
    await stack.up();
    const second = await rendered(directory);
    assert.equal(Object.keys(second).length, 2);
    assert.notEqual(configMap(second), configMap(first));
    assert.match(second[configMap(second)] ?? "", /value: "2"/);
  });

  it("follows the autonaming that the project configures", async () => {
    const { stack, directory } = await renderingStack("autonaming", (opts) => {
      new k8s.core.v1.ConfigMap("settings", {}, opts);
    });
    await stack.setConfig("pulumi:autonaming.mode", { value: "disabled" }, true);
    assert.match(await failure(stack.up()), /"settings" needs metadata\.name: autonaming is disabled/);
    await stack.setConfig("pulumi:autonaming.mode", { value: "verbatim" }, true);
    await stack.up();
    assert.deepEqual(Object.keys(await rendered(directory)), ["1-manifest/v1-configmap-default-settings.yaml"]);
  });

  it("replaces an object under its own given name without losing its file", async () => {
    let value = "1";
    const { stack, directory } = await renderingStack("given-name", (opts) => {
      new k8s.core.v1.ConfigMap("settings", { metadata: { name: "settings" }, data: { value } }, opts);
    });
    await stack.up();
    value = "2";
    await stack.up();
    assert.match((await rendered(directory))["1-manifest/v1-configmap-default-settings.yaml"] ?? "", /value: "2"/);
  });

  it("previews values that are not known yet and renders them once they are", async () => {
    const { stack, directory } = await renderingStack("unknowns", (opts) => {
      const first = new k8s.core.v1.ConfigMap("first", { metadata: { name: "first" }, data: {} }, opts);
      const name = first.id.apply((id) => `after-${id.replace("/", "-")}`);
      new k8s.core.v1.ConfigMap(
        "second",
        { metadata: { name }, data: { id: first.id, name: first.metadata.name } },
        opts,
      );
    });
    assert.deepEqual((await stack.preview()).changeSummary, { create: 4 });
    assert.deepEqual(await rendered(directory), {});
    await stack.up();
    const second = (await rendered(directory))["1-manifest/v1-configmap-default-after-default-first.yaml"];
    assert.match(second ?? "", /data:\n {2}id: default\/first\n {2}name: first\n/);
  });

  it("renders secrets in plain text, warns, and keeps them encrypted in the state", async () => {
    const { stack, directory } = await renderingStack("secrets", (opts) => {
      const data = { token: pulumi.secret("hush-hush") };
      new k8s.core.v1.ConfigMap("token", { metadata: { name: "token" }, data }, opts);
    });
    const { stdout } = await stack.up();
    const file = "1-manifest/v1-configmap-default-token.yaml";
    assert.match((await rendered(directory))[file] ?? "", /data:\n {2}token: hush-hush\n/);
    assert.match(stdout, /v1-configmap-default-token\.yaml contains a secret in plain text/);
    assert.doesNotMatch(stdout, /hush-hush/);
    const state = await readFile(join(engine.folder, "backend", ".pulumi", "stacks", "secrets", "test.json"), "utf8");
    const encrypted = state.match(/"token":\{"4dabf18193072939515e22adb298388d":"\w+","ciphertext"/g) ?? [];
    assert.equal(encrypted.length, 3); // inputs, outputs and the outputs' __inputs
    assert.doesNotMatch(state, /hush-hush/);
  });

  it("leaves the namespace out of cluster-scoped objects, also of those that the program itself defines", async () => {
    const { stack, directory } = await renderingStack("scopes", (opts) => {
      new k8s.core.v1.Namespace("models", { metadata: { name: "models" } }, opts);
      const spec = { group: "example.org", names: { kind: "Wide", plural: "wides" }, scope: "Cluster", versions: [] };
      const metadata = { name: "wides.example.org" };
      const crd = new k8s.apiextensions.v1.CustomResourceDefinition("crd", { metadata, spec }, opts);
      const wide = { apiVersion: "example.org/v1", kind: "Wide", metadata: { name: "wide" } };
      new k8s.apiextensions.CustomResource("wide", wide, { ...opts, dependsOn: crd });
    });
    await stack.up();
    const files = await rendered(directory);
    assert.equal(
      files["1-manifest/v1-namespace-default-models.yaml"],
      "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: models\n",
    );
    assert.doesNotMatch(files["1-manifest/example.org_v1-wide-default-wide.yaml"] ?? "missing", /namespace|missing/);
  });

  describe("refuses with one sentence", () => {
    async function refusal(name: string, program: PulumiFn): Promise<string> {
      stack = await inlineStack(engine, name, program);
      return failure(stack.up());
    }

    it("a provider that does not render", async () => {
      const message = await refusal("no-directory", async () => {
        new k8s.Provider("cluster", { kubeconfig: "" });
      });
      assert.match(message, /stand-in for the kubernetes provider that only renders YAML: set renderYamlToDirectory/);
    });

    it("a cluster beside the directory", async () => {
      const message = await refusal("both", async () => {
        new k8s.Provider("both", { renderYamlToDirectory: engine.folder, kubeconfig: "apiVersion: v1" });
      });
      assert.match(message, /"kubeconfig" cannot be combined with "renderYamlToDirectory"/);
    });

    it("a name that would leave the directory", async () => {
      const directory = join(engine.folder, "inside");
      const message = await refusal("escape", async () => {
        const provider = new k8s.Provider("render", { renderYamlToDirectory: directory, kubeconfig: "" });
        new k8s.core.v1.ConfigMap("evil", { metadata: { name: "../../evil" } }, { provider });
      });
      assert.match(message, /"\.\.\/\.\.\/evil" contains a slash/);
      assert.deepEqual(await rendered(directory), {});
    });

    it("a directory that cannot be written", async () => {
      const directory = join(engine.folder, "a-file");
      await writeFile(directory, "");
      const message = await refusal("unwritable", async () => {
        const provider = new k8s.Provider("render", { renderYamlToDirectory: directory, kubeconfig: "" });
        new k8s.core.v1.ConfigMap("settings", { metadata: { name: "settings" } }, { provider });
      });
      assert.match(message, /cannot write the manifest .*a-file\/1-manifest\/v1-configmap-default-settings\.yaml/);
    });

    it("a function of the official provider", async () => {
      const directory = join(engine.folder, "functions");
      const message = await refusal("invoke", async () => {
        const provider = new k8s.Provider("render", { renderYamlToDirectory: directory, kubeconfig: "" });
        await k8s.yaml.parse({ yaml: "kind: ConfigMap" }, { provider });
        new k8s.yaml.ConfigGroup("group", { yaml: "kind: ConfigMap" }, { provider });
      });
      assert.match(message, /kubernetes:yaml:decode.*only renders YAML/);
    });
  });
});

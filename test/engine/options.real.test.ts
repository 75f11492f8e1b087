import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { EngineEvent, Stack } from "@pulumi/pulumi/automation/index.js";
import * as z from "zod";
import { LlmModel, type LlmModelArgs } from "../../components/index.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";

const SOURCE = "hf://org/repo/model.gguf";
const MODEL = "kubernetes:inference.llmkube.dev/v1alpha1:Model";
const SERVICE = "kubernetes:inference.llmkube.dev/v1alpha1:InferenceService";

const resourceSchema = z.looseObject({
  urn: z.string(),
  type: z.string(),
  parent: z.string().optional(),
  protect: z.boolean().optional(),
});
const stateSchema = z.object({
  checkpoint: z.object({ latest: z.object({ resources: z.array(resourceSchema) }) }),
});

class Outer extends pulumi.ComponentResource {
  constructor(name: string, opts: pulumi.ComponentResourceOptions) {
    super("test:index:Outer", name, {}, opts);
  }
}

/** Keeps a field of the Model as it is in the state: what `ignoreChanges` of the component itself does not do. */
function ignoringBudget({ type, props, opts }: pulumi.ResourceTransformArgs) {
  if (type !== MODEL) return undefined;
  return { props, opts: { ...opts, ignoreChanges: ["spec.hardware.memoryBudget"] } };
}

function annotating({ type, props, opts }: pulumi.ResourceTransformArgs) {
  if (type !== MODEL) return undefined;
  const { metadata } = props;
  const annotations = { ...metadata.annotations, seen: "yes" };
  return { props: { ...props, metadata: { ...metadata, annotations } }, opts };
}

/** What Pulumi's options of a component, secrets and outputs come to in the real engine. */
describe("an LlmModel with options of Pulumi", function () {
  this.timeout(120_000);
  let engine: Engine;
  let stack: Stack;
  let program: (provider: k8s.Provider) => void;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    stack = await inlineStack(engine, "options", async () => {
      program(
        new k8s.Provider("manifests", { renderYamlToDirectory: join(engine.folder, "manifests"), kubeconfig: "" }),
      );
    });
  });
  after(() => engine?.close());

  /** The state as it is in the file, with secrets as they are there. */
  async function state() {
    const file = join(engine.folder, "backend", ".pulumi", "stacks", "options", "test.json");
    return stateSchema.parse(JSON.parse(await readFile(file, "utf8"))).checkpoint.latest.resources;
  }

  async function manifests(): Promise<readonly string[]> {
    const folder = join(engine.folder, "manifests", "1-manifest");
    const files = (await readdir(folder).catch(() => [])).sort();
    return Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  }

  /** What a preview would do to the Model and InferenceService of gemma, in order. */
  async function steps(args: LlmModelArgs, opts: pulumi.ComponentResourceOptions = {}) {
    program = (provider) => {
      makePlain(provider);
      new LlmModel("gemma", args, { provider, ...opts, transforms: [annotating, ...(opts.transforms ?? [])] });
    };
    const done: string[] = [];
    const onEvent = ({ resOutputsEvent, resourcePreEvent }: EngineEvent) => {
      const { op, type, urn } = (resOutputsEvent ?? resourcePreEvent)?.metadata ?? {};
      if (urn?.endsWith("::gemma") && (type === MODEL || type === SERVICE))
        done.push(`${op} ${type.split(":").at(-1)}`);
    };
    await stack.preview({ onEvent });
    return [...new Set(done)];
  }

  const args = { source: SOURCE, name: "gemma", memoryBudget: "1Gi", serving: {} };

  function makePlain(provider: k8s.Provider) {
    const parent = new Outer("outer", { provider });
    const annotations = { token: pulumi.secret("hunter2") };
    const opts = { parent, protect: true };
    return new LlmModel("plain", { source: pulumi.secret("hf://org/hidden/m.gguf"), annotations, serving: {} }, opts);
  }

  it("hands parent, provider, protect and transforms on to what it makes, and keeps secrets", async () => {
    program = (provider) => {
      makePlain(provider);
      new LlmModel("gemma", args, { provider, transforms: [annotating] });
    };
    await stack.up();
    const resources = await state();
    const component = resources.find(({ urn }) => urn.endsWith("LlmModel::plain"));
    assert.match(component?.parent ?? "", /test:index:Outer::outer$/);
    const children = resources.filter(({ parent }) => parent === component?.urn);
    assert.deepEqual(
      children.map(({ type, protect }) => [type, protect]),
      [
        [MODEL, true],
        [SERVICE, true],
      ],
    );
    assert.doesNotMatch(JSON.stringify(resources), /hunter2|hidden/);
    const model = (await manifests()).find((text) => /kind: Model/.test(text) && /name: gemma/.test(text));
    assert.match(model ?? "", /seen: ["']?yes/);
  });

  it("takes the place of another one by its aliases: nothing is created or deleted", async () => {
    program = (provider) => {
      makePlain(provider);
      new LlmModel("renamed", args, {
        parent: new Outer("more", { provider }),
        aliases: [{ name: "gemma", parent: pulumi.rootStackResource }],
        transforms: [annotating],
      });
    };
    const { changeSummary } = await stack.preview();
    // The new parent is created.
    assert.deepEqual(Object.keys(changeSummary).sort(), ["create", "same"]);
    assert.equal(changeSummary.create, 1);
  });

  it("deletes before it creates where its name or namespace is another", async () => {
    for (const changed of [{ name: "gemma-2" }, { namespace: "lab" }]) {
      const done = await steps({ ...args, ...changed });
      for (const kind of ["Model", "InferenceService"]) {
        const [deleted, created] = [
          done.indexOf(`delete-replaced ${kind}`),
          done.indexOf(`create-replacement ${kind}`),
        ];
        assert.ok(deleted !== -1 && deleted < (created ?? -1), done.join());
      }
    }
  });

  it("ignores changes where a transform says so, because Pulumi does not hand ignoreChanges on", async () => {
    const more = { ...args, memoryBudget: "2Gi" };
    assert.deepEqual(await steps(more, { transforms: [ignoringBudget] }), ["same Model", "same InferenceService"]);
    const changed = await steps(more, { ignoreChanges: ["memoryBudget", "spec.hardware.memoryBudget"] });
    assert.deepEqual(changed, ["update Model", "same InferenceService"]);
  });

  it("refuses in a preview what two models cannot both have, tells each cause once, and writes nothing", async () => {
    const before = await manifests();
    let tellers = 0;
    program = (provider) => {
      // Runs of other tests of this process that the engine broke off leave Pulumi's handlers of errors behind: each tells all of it too.
      tellers = process.listeners("uncaughtException").filter((one) => String(one).includes("errorSet")).length;
      makePlain(provider);
      new LlmModel("one", { ...args, name: "same", endpointHost: "localhost" }, { provider });
      new LlmModel("two", { ...args, name: pulumi.output("same") }, { provider });
      new LlmModel("late", { ...args, name: "late", memoryBudget: pulumi.output("24GB") }, { provider });
      new LlmModel("port", { ...args, name: "port", endpointHost: "::1" }, { provider });
    };
    const told: string[] = [];
    const onEvent = ({ diagnosticEvent }: EngineEvent) => {
      const { severity, message, urn } = diagnosticEvent ?? {};
      // For a program in this process Pulumi tells all of it once more for the stack.
      if (severity === "error" && urn?.includes("LlmModel"))
        told.push((message ?? "").replaceAll(/<\{%.*?%\}>/g, "").trim());
    };
    await assert.rejects(stack.preview({ onEvent }));
    const urn = (name: string) => `urn:pulumi:test::options::llmkube:index:LlmModel::${name}`;
    assert.equal(new Set(told).size, 3, told.join("\n"));
    assert.equal(told.length, 3 * tellers, told.join("\n"));
    const [name, budget, port] = [/Model default\/same/, /memoryBudget/, /:8080/].map(
      (what) => told.find((text) => what.test(text)) ?? "",
    );
    for (const part of [urn("one"), urn("two"), "set another name or namespace"]) assert.ok(name?.includes(part), name);
    for (const part of [urn("one"), urn("port"), "set another serving.port"]) assert.ok(port?.includes(part), port);
    assert.match(budget ?? "", /^LlmModel late: memoryBudget is "24GB"; it must be a quantity of bytes/);
    assert.deepEqual(await manifests(), before);
  });

  it("is two models where the providers are two", async () => {
    program = (provider) => {
      makePlain(provider);
      const other = new k8s.Provider("others", {
        renderYamlToDirectory: join(engine.folder, "others"),
        kubeconfig: "",
      });
      new LlmModel("one", { ...args, endpointHost: "localhost" }, { provider });
      new LlmModel("two", { ...args, endpointHost: "localhost" }, { provider: other });
    };
    const { changeSummary } = await stack.preview();
    assert.ok((changeSummary.create ?? 0) >= 6, JSON.stringify(changeSummary));
  });
});

import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { LlmModel, type LlmModelArgs } from "../../../components/index.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { Pending, registered } from "../mocked.ts";

const SOURCE = "hf://org/repo/model.gguf";

interface Sent {
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
  readonly spec: Record<string, unknown>;
}

/** A value of which nothing is known while the component is made. */
function late(): Promise<never> {
  return new Promise(() => {});
}

/** What reaches Kubernetes of a component. */
async function sent(args: LlmModelArgs, phase: "preview" | "up" = "up") {
  const { resources, outputs } = await registered(() => {
    const { modelName, serviceName, namespace, endpoint } = new LlmModel("gemma", args);
    return pulumi.output({ modelName, serviceName, namespace, endpoint });
  }, phase);
  const ofKind = (kind: string) =>
    resources.find(({ type }) => type.endsWith(`/v1alpha1:${kind}`))?.inputs as Sent | undefined;
  return { model: ofKind("Model"), service: ofKind("InferenceService"), outputs };
}

async function refusal(args: object): Promise<string> {
  try {
    await registered(() => new LlmModel("gemma", args as LlmModelArgs).modelName);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "it was not refused";
}

describe("LlmModel that serves a Model of another one", () => {
  it("makes a service only, and names that Model", async () => {
    const { model, service, outputs } = await sent({ modelRef: "shared", serving: { contextSize: 4096 } });
    assert.equal(model, undefined);
    assert.deepEqual(service?.spec, { modelRef: "shared", contextSize: 4096 });
    assert.deepEqual(outputs, {
      modelName: "shared",
      serviceName: "gemma",
      namespace: "default",
      endpoint: "http://gemma.default.svc.cluster.local:8080/v1",
    });
  });

  it("takes the name from the component that makes the Model, several times", async () => {
    const { resources } = await registered(() => {
      const weights = new LlmModel("weights", { source: SOURCE });
      const services = ["short", "long"].map(
        (name) => new LlmModel(name, { modelRef: weights.modelName, serving: {} }),
      );
      return pulumi.all(services.map(({ endpoint }) => endpoint));
    });
    const services = resources.filter(({ type }) => type.endsWith(":InferenceService"));
    assert.deepEqual(
      services.map(({ name, inputs }) => [name, (inputs as unknown as Sent).spec]),
      [
        ["short", { modelRef: "weights" }],
        ["long", { modelRef: "weights" }],
      ],
    );
  });

  const bad: readonly [args: object, says: RegExp][] = [
    [{}, /source is missing; .* hf:\/\/org\/repo\/model\.gguf; to serve a Model that is there already, set modelRef/],
    [
      { source: SOURCE, modelRef: "a", serving: {} },
      /source and modelRef are both set: give source to make a Model, or/,
    ],
    [{ source: late(), modelRef: "a", serving: {} }, /source and modelRef are both set/],
    [{ modelRef: "a" }, /modelRef is set, but serving is not, .* set serving, at least to an empty object/],
    [{ modelRef: "a", serving: {}, memoryBudget: "8Gi" }, /memoryBudget belongs to the Model that modelRef names/],
    [{ modelRef: "a", serving: {}, estimate: true }, /estimate belongs to the Model that modelRef names/],
    [{ modelRef: "A b", serving: {} }, /modelRef is "A b"; it must be at most 253 lower case letters/],
    [{ modelRef: null, serving: {} }, /source is missing/],
  ];
  for (const [args, says] of bad) {
    it(`refuses ${JSON.stringify(args)}`, async () => assert.match(await refusal(args), says));
  }
});

describe("overrides of LlmModel", () => {
  it("are merged into the specs last", async () => {
    const { model, service } = await sent({
      source: SOURCE,
      memoryBudget: "8Gi",
      modelSpec: { refreshPolicy: "OnChange", hardware: { gpu: { count: 1 }, memoryBudget: "9Gi" } },
      serving: { contextSize: 4096 },
      serviceSpec: { nodeSelector: { room: pulumi.output("a") }, contextSize: 8192 },
    });
    assert.deepEqual(model?.spec, {
      source: SOURCE,
      refreshPolicy: "OnChange",
      hardware: { accelerator: "metal", memoryBudget: "9Gi", gpu: { count: 1 } },
    });
    assert.deepEqual(service?.spec, { modelRef: "gemma", contextSize: 8192, nodeSelector: { room: "a" } });
  });

  it("leave an argument alone where they are null", async () => {
    const { model } = await sent({ source: SOURCE, modelSpec: { source: null, hardware: null } });
    assert.deepEqual(model?.spec, { source: SOURCE, hardware: { accelerator: "metal" } });
  });

  const bad: readonly [args: object, says: RegExp][] = [
    [{ modelSpec: { hardwar: {} } }, /modelSpec\.hardwar is not a field; did you mean hardware\?/],
    [
      { modelSpec: { hardware: { gpu: { count: 99 } } } },
      /modelSpec\.hardware\.gpu\.count is 99; it must be a whole number/,
    ],
    [{ modelSpec: { refreshPolicy: "Never" } }, /modelSpec\.refreshPolicy is "Never"; it must be one of/],
    [{ modelSpec: "x" }, /modelSpec is text; it must be an object/],
    [{ serving: {}, serviceSpec: { replicas: "2" } }, /serviceSpec\.replicas is "2"/],
    [{ serviceSpec: { suspend: true } }, /serviceSpec is set, but serving is not/],
    [{ refreshPolicy: "OnChange" }, /refreshPolicy is not a field; set modelSpec\.refreshPolicy/],
  ];
  for (const [args, says] of bad) {
    it(`refuses ${JSON.stringify(args)}`, async () => assert.match(await refusal({ source: SOURCE, ...args }), says));
  }

  it("are checked as soon as they are known, beside what is not", async () => {
    await registered(() => {
      const args = { source: new Pending("late").value, modelSpec: { refreshPolicy: "Never" } };
      assert.throws(() => new LlmModel("bad", args), /modelSpec\.refreshPolicy is "Never"/);
      assert.doesNotThrow(() => new LlmModel("good", { ...args, modelSpec: { refreshPolicy: "OnChange" } }));
      return "";
    }, "preview");
  });
});

describe("LlmModel that waits", () => {
  const wait = { "pulumi.com/waitFor": "condition=llmkube.dev/Available" };

  it("says so to Pulumi's provider, on the service alone", async () => {
    const { model, service } = await sent({ source: SOURCE, serving: {}, waitForReady: true });
    assert.deepEqual(service?.metadata.annotations, { ...wait, "pulumi.com/timeoutSeconds": "1800" });
    assert.equal(model?.metadata.annotations, undefined);
  });

  it("keeps annotations, of which those of a user win", async () => {
    const annotations = { team: "a", "pulumi.com/waitFor": "jsonpath={.status.phase}=Ready" };
    for (const given of [annotations, pulumi.output(annotations)]) {
      const { service } = await sent({
        source: SOURCE,
        serving: {},
        waitForReady: true,
        readyTimeoutSeconds: pulumi.output(60),
        annotations: given,
      });
      assert.deepEqual(service?.metadata.annotations, { ...annotations, "pulumi.com/timeoutSeconds": "60" });
    }
  });

  it("is told by an output", async () => {
    const args = { source: SOURCE, serving: {} };
    const waits = await sent({ ...args, waitForReady: pulumi.output(true) });
    assert.deepEqual(waits.service?.metadata.annotations, { ...wait, "pulumi.com/timeoutSeconds": "1800" });
    const goes = await sent({ ...args, waitForReady: pulumi.output(false) });
    assert.deepEqual(goes.service?.metadata.annotations, {});
  });

  it("does not wait where it is not asked to", async () => {
    const { service } = await sent({ source: SOURCE, serving: {}, waitForReady: false });
    assert.equal(service?.metadata.annotations, undefined);
  });

  const bad: readonly [args: object, says: RegExp][] = [
    [{ waitForReady: true }, /waitForReady is set, but serving is not, so that there is no server to wait for/],
    [{ waitForReady: true, serving: { replicas: 0 } }, /waitForReady waits for a server, but serving\.replicas is 0/],
    [
      { waitForReady: true, readyTimeoutSeconds: 0, serving: {} },
      /readyTimeoutSeconds is 0; it must be a whole number from 1 to 86400/,
    ],
  ];
  for (const [args, says] of bad) {
    it(`refuses ${JSON.stringify(args)}`, async () => assert.match(await refusal({ source: SOURCE, ...args }), says));
  }
});

describe("the memory of an LlmModel", () => {
  let llama = "";
  before(async () => {
    llama = await writeSynthetic(readTruth(), "llama3.1-8b", await temporaryDirectory());
  });

  async function estimated(args: LlmModelArgs) {
    const { outputs } = await registered(() => {
      const { estimatedMemory, fits } = new LlmModel("llama", args);
      return pulumi.output({ estimatedMemory, fits, secret: pulumi.isSecret(fits) });
    });
    return outputs as { estimatedMemory?: { totalBytes: number }; fits?: boolean; secret: boolean };
  }

  it("is estimated where it is asked for, with the settings and the overrides", async () => {
    const args = { source: pulumi.output(llama), memoryBudget: "8Gi", serving: { contextSize: 8192 }, estimate: true };
    const found = await estimated(args);
    assert.equal(found.fits, true);
    const larger = await estimated({ ...args, serviceSpec: { contextSize: 65536 } });
    assert.equal(larger.fits, false);
    assert.ok((larger.estimatedMemory?.totalBytes ?? 0) > (found.estimatedMemory?.totalBytes ?? 0));
    const cached = await estimated({ ...args, serving: { ...args.serving, promptCache: pulumi.output("1Gi") } });
    assert.equal(cached.estimatedMemory?.totalBytes, (found.estimatedMemory?.totalBytes ?? 0) + 1088 * 2 ** 20);
  });

  it("is undefined, and nothing is read, where it is not asked for", async () => {
    const { estimatedMemory, fits } = await estimated({ source: "/nowhere/m.gguf" });
    assert.equal(estimatedMemory, undefined);
    assert.equal(fits, undefined);
  });

  it("is undefined where the header cannot be read; the program goes on with a warning", async () => {
    const said = await saidMeanwhile(async () => {
      const { estimatedMemory, fits } = await estimated({ source: "/nowhere/m.gguf", estimate: true, serving: {} });
      assert.equal(estimatedMemory, undefined);
      assert.equal(fits, undefined);
    });
    assert.match(said, /the memory of the model is not estimated: \/nowhere\/m\.gguf: there is no such file/);
  });

  it("is warned of without the value of a secret", async () => {
    const said = await saidMeanwhile(() =>
      estimated({ source: pulumi.secret("/nowhere/hunter2.gguf"), estimate: true }),
    );
    assert.match(said, /is not estimated: the reason is not shown, because a part of the arguments is secret/);
    assert.ok(!said.includes("hunter2"));
  });

  it("is a secret where its source is one", async () => {
    const { secret } = await estimated({ source: pulumi.secret(llama), estimate: true, memoryBudget: "8Gi" });
    assert.equal(secret, true);
  });
});

/** What Pulumi writes to the console where there is no engine. */
async function saidMeanwhile(act: () => Promise<unknown>): Promise<string> {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line: string) => lines.push(line);
  try {
    await act();
  } finally {
    console.warn = warn;
  }
  return lines.join("\n");
}

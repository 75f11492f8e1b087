import assert from "node:assert/strict";
import { join } from "node:path";
import * as z from "zod";
import { DEFAULT_PORT } from "../../api/constants.ts";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { getSchema } from "../support/plugin-process.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

const propertySchema = z.looseObject({ description: z.string().optional() });
const schemaSchema = z.object({
  name: z.string(),
  resources: z.record(
    z.string(),
    z.looseObject({
      inputProperties: z.record(z.string(), propertySchema),
      properties: z.record(z.string(), propertySchema),
      requiredInputs: z.array(z.string()),
      required: z.array(z.string()),
    }),
  ),
  types: z.record(
    z.string(),
    z.object({
      properties: z.record(z.string(), propertySchema).optional(),
      enum: z.array(z.object({ value: z.string() })).optional(),
    }),
  ),
});

/** What `pulumi package add` reads, over gRPC from the built package (`npm run build`). */
describe("the source plugin", function () {
  this.timeout(120_000);
  let schema: z.infer<typeof schemaSchema>;

  before(async () => {
    schema = schemaSchema.parse(JSON.parse(await getSchema(CHECKOUT)));
  });

  it("has the components under the package's name", () => {
    assert.equal(schema.name, "llmkube");
    const tokens = ["LlmController", "LlmModel", "LlmNode"].map((component) => `llmkube:index:${component}`);
    assert.deepEqual(Object.keys(schema.resources).sort(), tokens);
  });

  const fleet = {
    LlmController: {
      inputs: { image: "string", namespace: "string", replicas: "integer", customResourceDefinitions: "boolean" },
      requiredInputs: [],
      outputs: ["namespace", "serviceAccountName"],
      required: ["namespace", "serviceAccountName"],
    },
    LlmNode: {
      inputs: {
        nodeName: "string",
        memory: "string",
        memoryFraction: "number",
        reserve: "string",
        workingSet: "string",
        labels: "object",
        address: "string",
        server: "string",
        certificateAuthority: "string",
        namespace: "string",
        sshDestination: "string",
        token: "string",
        user: "string",
        home: "string",
        prefix: "string",
      },
      requiredInputs: [],
      outputs: [
        "nodeName",
        "memory",
        "allocatable",
        "labels",
        "address",
        "serviceAccountName",
        "kubeconfig",
        "launchdPlist",
        "installCommand",
      ],
      required: ["nodeName"],
    },
  };
  for (const [component, expected] of Object.entries(fleet)) {
    it(`has ${component} with every argument and output, each described`, () => {
      const found = schema.resources[`llmkube:index:${component}`];
      assert.ok(found);
      const described = Object.entries({ ...found.inputProperties, ...found.properties });
      for (const [name, { description }] of described) assert.ok(description, `${name} has no description`);
      const inputs = Object.entries(found.inputProperties).map(([name, { type }]) => [name, type]);
      assert.deepEqual(Object.fromEntries(inputs), expected.inputs);
      assert.deepEqual(found.requiredInputs, expected.requiredInputs);
      assert.deepEqual(Object.keys(found.properties), expected.outputs);
      assert.deepEqual(found.required.toSorted(), expected.required);
    });
  }

  it("has every argument, each described, and needs none of itself", () => {
    const { inputProperties = {}, requiredInputs } = schema.resources["llmkube:index:LlmModel"] ?? {};
    assert.deepEqual(requiredInputs, []);
    const types = Object.entries(inputProperties).map(([name, { description, ...type }]) => {
      assert.ok(description, `${name} has no description`);
      return [name, type["type"] ?? type["$ref"]];
    });
    assert.deepEqual(Object.fromEntries(types), {
      source: "string",
      modelRef: "string",
      sha256: "string",
      format: "#/types/llmkube:index:WeightsFormat",
      quantization: "string",
      mmproj: "string",
      memoryBudget: "string",
      memoryFraction: "number",
      accelerator: "#/types/llmkube:index:Accelerator",
      gpuLayers: "integer",
      serving: "#/types/llmkube:index:Serving",
      modelSpec: "object",
      serviceSpec: "object",
      estimate: "boolean",
      hostMemory: "string",
      waitForReady: "boolean",
      readyTimeoutSeconds: "integer",
      name: "string",
      namespace: "string",
      labels: "object",
      annotations: "object",
      endpointHost: "string",
      gateway: "string",
    });
  });

  it("has every setting of serving, each described, and needs none", () => {
    const serving = schema.types["llmkube:index:Serving"]?.properties ?? {};
    const types = Object.entries(serving).map(([name, { description, ...type }]) => {
      assert.ok(description, `${name} has no description`);
      return [name, type["type"] ?? type["$ref"]];
    });
    assert.deepEqual(Object.fromEntries(types), {
      contextSize: "integer",
      parallelSlots: "integer",
      cacheTypeK: "#/types/llmkube:index:CacheType",
      cacheTypeV: "#/types/llmkube:index:CacheType",
      flashAttention: "boolean",
      batchSize: "integer",
      uBatchSize: "integer",
      replicas: "integer",
      priority: "#/types/llmkube:index:Priority",
      evictionProtection: "boolean",
      idleUnload: "string",
      aliases: "array",
      promptCache: "string",
      savedSlots: "string",
      port: "integer",
      draftModel: "string",
      draftTokens: "integer",
      jinja: "boolean",
      extraArgs: "array",
    });
  });

  it("names the defaults that a server gets", () => {
    const serving = schema.types["llmkube:index:Serving"]?.properties ?? {};
    const { cacheType, ...defaults } = SERVER_DEFAULTS;
    const expected = { ...defaults, cacheTypeK: cacheType, cacheTypeV: cacheType, port: DEFAULT_PORT };
    for (const [name, value] of Object.entries(expected)) {
      assert.match(serving[name]?.description ?? "", new RegExp(`Defaults to ${value}\\b`), name);
    }
  });

  it("tells what an estimate has, so that other languages read its parts", () => {
    const found = Object.entries(schema.types).find(([token]) => token.endsWith(":index:EstimatedMemory"));
    const types = Object.entries(found?.[1].properties ?? {}).map(([name, { description, ...type }]) => {
      assert.ok(description, `${name} has no description`);
      return [name, type["type"]];
    });
    const expected = { totalBytes: "number", parts: "object", confidence: "string", notes: "array" };
    assert.deepEqual(Object.fromEntries(types), expected);
  });

  it("has enums with the values of the API", () => {
    const values = schema.types["llmkube:index:Priority"]?.enum?.map(({ value }) => value);
    assert.deepEqual(values, ["critical", "high", "normal", "low", "batch"]);
  });

  it("puts out names and the endpoint, of which those of the service may be missing", () => {
    const { properties = {}, required } = schema.resources["llmkube:index:LlmModel"] ?? {};
    assert.deepEqual(Object.keys(properties), [
      "modelName",
      "serviceName",
      "namespace",
      "endpoint",
      "estimatedMemory",
      "fits",
    ]);
    assert.deepEqual(required, ["modelName", "namespace"]);
  });
});

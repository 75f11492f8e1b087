import assert from "node:assert/strict";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LlmModel, type LlmModelArgs } from "../../../components/index.ts";
import { Pending, registered } from "../mocked.ts";

const BEHIND = { serving: {}, gateway: "127.0.0.1:8080" };
const ON_THIS_MAC = { serving: {}, endpointHost: "127.0.0.1" };

/** What each pair of models with these arguments comes to. */
async function together(
  [first, second]: readonly [args: () => Partial<LlmModelArgs>, args: () => Partial<LlmModelArgs>],
  {
    phase = "up",
    options = () => [{}, {}],
  }: { phase?: "preview" | "up"; options?: () => pulumi.ComponentResourceOptions[] } = {},
) {
  const { outputs, resources } = await registered(async () => {
    const [one, other] = options();
    const made = [
      new LlmModel("a", { source: "hf://org/repo/a.gguf", ...first() }, one),
      new LlmModel("b", { source: "hf://org/repo/b.gguf", ...second() }, other),
    ];
    return Promise.all(made.flatMap(({ modelName, endpoint }) => [settled(modelName), settled(endpoint)]));
  }, phase);
  return { outputs: outputs as string[], resources };
}

/** The value of an output, or the message with which it was refused: by Pulumi's own promise of it, which its types leave out. */
async function settled(value: pulumi.Output<unknown>): Promise<unknown> {
  assert.ok("promise" in value && typeof value.promise === "function");
  try {
    return await value.promise();
  } catch (error) {
    assert.ok(pulumi.ResourceError.isInstance(error) && error.hideStack, String(error));
    return error.message;
  }
}

describe("two LlmModels of one provider", () => {
  const [a, b] = ["a", "b"].map((name) => `urn:pulumi:stack::project::llmkube:index:LlmModel::${name}`);
  const taken = (what: string, wayOut: string) => `LlmModel b: ${what} is also that of ${a} (this is ${b}): ${wayOut}`;

  for (const phase of ["preview", "up"] as const) {
    it(`are refused in ${phase} where they have one namespace and name`, async () => {
      const { outputs, resources } = await together([() => ({ name: "b" }), () => ({})], { phase });
      const problem = taken("Model default/b", "set another name or namespace, or another provider");
      assert.deepEqual(outputs, ["b", undefined, problem, undefined]);
      assert.deepEqual(resources.filter(({ type }) => type.startsWith("kubernetes:")).length, 1);
    });
  }

  it("are refused where their Services have one name", async () => {
    const { outputs } = await together([
      () => ({ name: "llama-3-1", serving: {} }),
      () => ({ name: "llama-3.1", serving: {} }),
    ]);
    assert.equal(outputs[2], taken("Service default/llama-3-1", "set another name or namespace, or another provider"));
  });

  it("are refused where they have one endpoint, however it is spelt", async () => {
    const { outputs } = await together([() => ON_THIS_MAC, () => ({ ...ON_THIS_MAC, endpointHost: "::1" })]);
    const problem = taken("the endpoint [::1]:8080", "set another serving.port, or another endpointHost");
    assert.deepEqual(outputs, ["a", "http://127.0.0.1:8080/v1", "b", problem]);
  });

  it("are refused where they name one port of the Mac of a gateway", async () => {
    const { outputs } = await together([
      () => ({ ...BEHIND, serving: { port: 9000 } }),
      () => ({ serving: { port: 9000 }, endpointHost: "localhost" }),
    ]);
    assert.equal(outputs[1], "http://127.0.0.1:8080/v1");
    assert.match(String(outputs[3]), /the endpoint localhost:9000 is also that of /);
  });

  it("are refused as soon as outputs make them one", async () => {
    const { outputs } = await together([
      () => ({ name: pulumi.output(Promise.resolve("one")) }),
      () => ({ name: pulumi.output("one") }),
    ]);
    assert.match(String(outputs), /Model default\/one is also that of/);
  });

  const fine: Record<string, Parameters<typeof together>[0]> = {
    "have namespaces of their own": [() => ({ name: "m" }), () => ({ name: "m", namespace: "lab" })],
    "have ports of their own": [() => ON_THIS_MAC, () => ({ ...ON_THIS_MAC, serving: { port: 8081 } })],
    "have Services of their own": [() => ({ serving: {} }), () => ({ serving: {} })],
    "are behind one gateway, and name no ports": [() => BEHIND, () => BEHIND],
    "are behind one gateway, with ports of their own": [
      () => ({ ...BEHIND, serving: { port: 8081 } }),
      () => ({ ...BEHIND, serving: { port: 8082 } }),
    ],
    "have one port of which one is not used": [() => ON_THIS_MAC, () => ({ ...ON_THIS_MAC, serving: { replicas: 0 } })],
  };
  for (const [what, args] of Object.entries(fine)) {
    it(`are fine where they ${what}`, async () => {
      const { outputs } = await together(args);
      assert.doesNotMatch(String(outputs), /also that of/);
    });
  }

  it("are fine in a preview that does not know their names", async () => {
    const args = () => ({ name: new Pending("other").value });
    const { resources } = await together([args, () => ({ name: "b" })], { phase: "preview" });
    assert.equal(resources.filter(({ type }) => type.startsWith("kubernetes:")).length, 2);
  });

  it("are two models where they are of two providers", async () => {
    const options = () =>
      ["one", "two"].map((name) => ({
        provider: new k8s.Provider(name, { renderYamlToDirectory: name, kubeconfig: "" }),
      }));
    const args = () => ({ ...ON_THIS_MAC, name: "m" });
    const { outputs } = await together([args, args], { options });
    assert.deepEqual(outputs, ["m", "http://127.0.0.1:8080/v1", "m", "http://127.0.0.1:8080/v1"]);
  });

  it("are forgotten with the program that made them", async () => {
    await together([() => ({ name: "m" }), () => ({})]);
    const { outputs } = await together([() => ({}), () => ({ name: "m" })]);
    assert.deepEqual(outputs, ["a", undefined, "m", undefined]);
  });
});

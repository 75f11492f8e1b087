import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { readConfig } from "../../examples/stack/config.ts";

describe("configuration of the root stack", () => {
  afterEach(() => pulumi.runtime.setAllConfig({}));

  function read(config: Record<string, string>) {
    const entries = Object.entries(config).map(([key, value]) => [`stack:${key}`, value] as const);
    pulumi.runtime.setAllConfig(Object.fromEntries(entries));
    return readConfig(new pulumi.Config("stack"));
  }

  const models = { gemma: { source: "/gemma.gguf", serving: { contextSize: 4096 } } };

  it("renders to manifests beside Pulumi.yaml, unless it names another folder or a cluster", () => {
    assert.deepEqual(read({ models: JSON.stringify(models) }).models, models);
    assert.match(read({ models: "{}" }).manifests ?? "", /^\/.*\bmanifests$/);
    assert.equal(read({ models: "{}", manifests: "/elsewhere" }).manifests, "/elsewhere");
    assert.equal(read({ models: "{}", target: "cluster" }).manifests, undefined);
  });

  for (const bad of ["", "gemma", '["gemma"]', '{"gemma":"gemma.gguf"}']) {
    it(`refuses models ${JSON.stringify(bad)}`, () => {
      assert.throws(
        () => read(bad === "" ? {} : { models: bad }),
        (error) =>
          pulumi.RunError.isInstance(error) &&
          error.message ===
            "stack:models must be a map from names to the arguments of LlmModel; for example pulumi config set --path" +
              " 'stack:models.llama.source' hf://org/repo/model.gguf",
      );
    });
  }
});

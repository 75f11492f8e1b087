import assert from "node:assert/strict";
import { problemsWith, settingsFrom } from "../../toolchain/standins/kubernetes/settings.ts";
import { UNKNOWN } from "../../toolchain/standins/values.ts";

describe("settings of the kubernetes stand-in", () => {
  it("need a directory and nothing of a cluster", () => {
    assert.deepEqual(problemsWith({ renderYamlToDirectory: "out", kubeconfig: "" }), []);
    assert.deepEqual(problemsWith({ renderYamlToDirectory: UNKNOWN }), []);
    assert.match(problemsWith({})[0]?.reason ?? "", /only renders YAML: set renderYamlToDirectory/);
    const both = problemsWith({ renderYamlToDirectory: "out", context: "kind", cluster: "c" });
    assert.deepEqual(
      both.map(({ property }) => property),
      ["cluster", "context"],
    );
  });

  it("come from the provider's variables", () => {
    const variables = new Map([["kubernetes:config:renderYamlToDirectory", "out"]]);
    assert.deepEqual(settingsFrom(variables), { directory: "out", namespace: "default" });
    variables.set("kubernetes:config:namespace", "llm");
    assert.deepEqual(settingsFrom(variables), { directory: "out", namespace: "llm" });
    assert.throws(() => settingsFrom(new Map()), /only renders YAML/);
  });
});

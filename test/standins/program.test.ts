import assert from "node:assert/strict";
import { configVariables, runtimeOptions } from "../../toolchain/standins/language/program.ts";

describe("what the language host stand-in hands to programs", () => {
  it("is TypeScript unless the project says otherwise", () => {
    assert.deepEqual(runtimeOptions({}).environment, { PULUMI_NODEJS_TYPESCRIPT: "true" });
    for (const typescript of [false, "false"]) assert.deepEqual(runtimeOptions({ typescript }).environment, {});
    const options = runtimeOptions({
      typescript: false,
      nodeargs: " --trace-warnings  --stack-size=2000",
      tsconfig: "t",
    });
    assert.deepEqual(options.nodeArguments, ["--trace-warnings", "--stack-size=2000"]);
    assert.deepEqual(options.environment, { PULUMI_NODEJS_TSCONFIG_PATH: "t" });
  });

  it("is the configuration and the names of what is secret in it", () => {
    assert.deepEqual(configVariables([["shell:memoryBudget", "1Gi"]], ["shell:token"]), {
      PULUMI_CONFIG: '{"shell:memoryBudget":"1Gi"}',
      PULUMI_CONFIG_SECRET_KEYS: '["shell:token"]',
    });
  });
});

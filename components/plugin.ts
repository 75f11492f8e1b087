import { readFileSync } from "node:fs";
import { main } from "@pulumi/pulumi/provider/index.js";
import { componentProvider } from "./component-provider.ts";
import { LlmController } from "./fleet/llm-controller.ts";
import { LlmNode } from "./fleet/llm-node.ts";
import { LlmModel } from "./model/llm-model.ts";

/**
 * What the engine runs for programs in other languages: "main" of package.json, beside PulumiPlugin.yaml. Programs in
 * TypeScript import components/index.ts instead ("exports").
 */
const schema = readFileSync(new URL(import.meta.resolve("pulumi-llmkube/schema.json")), "utf8");

// The SDK loads this file by require(), which knows no await at the top of a module.
main(componentProvider(schema, { LlmController, LlmModel, LlmNode }), process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

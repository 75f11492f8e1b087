// Read, never run: here Pulumi's schema inference finds the sources of the components when this checkout is used as a plugin
// (PulumiPlugin.yaml). What runs is package.json's "main".
export { LlmController } from "./components/llm-controller.ts";
export { LlmModel } from "./components/llm-model.ts";
export { LlmNode } from "./components/llm-node.ts";

import { Analyzer } from "@pulumi/pulumi/provider/experimental/analyzer.js";
import { generateSchema } from "@pulumi/pulumi/provider/experimental/schema.js";
import { PACKAGE_NAME } from "../package-name.ts";

/** What Pulumi infers from the TypeScript types of the components and the comments on their properties. */
export function inferredSchema(checkout: string, { version }: { readonly version: string }) {
  const names = new Set(["LlmController", "LlmModel", "LlmNode"]);
  const entry = { name: PACKAGE_NAME, main: "./components/index.ts" };
  const { components, typeDefinitions, dependencies } = new Analyzer(checkout, PACKAGE_NAME, entry, names).analyze();
  return generateSchema(PACKAGE_NAME, version, "", components, typeDefinitions, dependencies);
}

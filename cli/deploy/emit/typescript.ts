import { inOrder } from "../deployment.ts";
import { providerOf } from "../target.ts";
import { type Emission, identifiers, instructions, quoted } from "./project.ts";

const RESERVED = new Set(
  (
    "k8s provider endpoints break case catch class const continue debugger default delete do else enum export extends false finally for" +
    " function if import in instanceof new null return super switch this throw true try typeof var void while with yield let static await async"
  ).split(" "),
);

/** `index.ts` of a Pulumi project. */
export function typescriptProgram(emission: Emission): string {
  const { deployments, target, project, packageFolder } = emission;
  const provider = providerOf(target);
  const names = identifiers(
    deployments.map(({ name }) => name),
    camelCase,
    RESERVED,
  );
  const models = deployments.map(
    ({ name, args }) =>
      `const ${names.get(name)} = new LlmModel(${JSON.stringify(name)}, ${literal(inOrder(args), "")}, { provider });`,
  );
  const endpoints = deployments.map(({ name }) => `  ${key(name)}: ${names.get(name)}.endpoint,`);
  const setUp = [
    `printf 'name: ${project}\\nruntime: nodejs\\n' > Pulumi.yaml`,
    `npm init -y && npm pkg set type=module && npm install @pulumi/pulumi @pulumi/kubernetes ${quoted(packageFolder)}`,
  ];
  return [
    ...instructions(emission, setUp).map((line) => `// ${line}`),
    'import * as k8s from "@pulumi/kubernetes";',
    'import { LlmModel } from "pulumi-llmkube";',
    "",
    `const provider = new k8s.Provider(${JSON.stringify(provider.name)}, ${literal(provider.args, "")});`,
    "",
    ...models.flatMap((model) => [model, ""]),
    "export const endpoints = {",
    ...endpoints,
    "};",
    "",
  ].join("\n");
}

function camelCase(words: readonly string[]): string {
  return words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join("");
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

/** A value as a literal, with one field a line. */
function literal(value: unknown, indent: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([name, inner]) => `${indent}  ${key(name)}: ${literal(inner, `${indent}  `)},`,
  );
  return fields.length === 0 ? "{}" : ["{", ...fields, `${indent}}`].join("\n");
}

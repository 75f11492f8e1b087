import { inOrder } from "../deployment.ts";
import { providerOf } from "../target.ts";
import { type Emission, identifiers, instructions, quoted } from "./project.ts";

const RESERVED = new Set(
  (
    "pulumi kubernetes llmkube provider endpoints and as assert async await break class continue def del elif else except finally for from" +
    " global if import in is lambda match nonlocal not or pass raise return try while with yield"
  ).split(" "),
);

/** `__main__.py` of a Pulumi project. */
export function pythonProgram(emission: Emission): string {
  const { deployments, target, project, packageFolder } = emission;
  const provider = providerOf(target);
  const names = identifiers(
    deployments.map(({ name }) => name),
    (words) => words.join("_"),
    RESERVED,
  );
  const models = deployments.map(({ name, args }) =>
    [
      `${names.get(name)} = llmkube.LlmModel(`,
      `    ${literal(name)},`,
      ...keywords(inOrder(args), "    "),
      // A component of a plugin takes the providers of its children as a list.
      "    opts=pulumi.ResourceOptions(providers=[provider]),",
      ")",
    ].join("\n"),
  );
  const setUp = [
    `printf 'name: ${project}\\nruntime: python\\n' > Pulumi.yaml`,
    "pip install pulumi pulumi-kubernetes",
    `pulumi package add ${quoted(packageFolder)}`,
  ];
  return [
    ...instructions(emission, setUp).map((line) => `# ${line}`),
    "import pulumi",
    "import pulumi_kubernetes as kubernetes",
    "import pulumi_llmkube as llmkube",
    "",
    `provider = kubernetes.Provider(`,
    `    ${literal(provider.name)},`,
    ...keywords(provider.args, "    "),
    ")",
    "",
    ...models.flatMap((model) => [model, ""]),
    'pulumi.export("endpoints", {',
    ...deployments.map(({ name }) => `    ${literal(name)}: ${names.get(name)}.endpoint,`),
    "})",
    "",
  ].join("\n");
}

function keywords(args: Readonly<Record<string, unknown>>, indent: string): readonly string[] {
  return Object.entries(args).flatMap(([name, value]) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return `${indent}${snakeCase(name)}=${literal(value)},`;
    }
    return [
      `${indent}${snakeCase(name)}=llmkube.ServingArgs(`,
      ...keywords({ ...value }, `${indent}    `),
      `${indent}),`,
    ];
  });
}

/** As Pulumi names arguments in Python. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function literal(value: unknown): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  return Array.isArray(value) ? `[${value.map(literal).join(", ")}]` : JSON.stringify(value);
}

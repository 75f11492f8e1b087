import { stringify } from "yaml";
import { inOrder } from "../deployment.ts";
import { providerOf } from "../target.ts";
import { type Emission, instructions } from "./project.ts";

/** `Pulumi.yaml` of a project whose program is written in YAML. */
export function yamlProgram(emission: Emission): string {
  const { deployments, target, project, packageFolder } = emission;
  const provider = providerOf(target);
  const own = providerKey(deployments.map(({ name }) => name));
  const models = deployments.map(({ name, args }) => [
    name,
    { type: "llmkube:LlmModel", properties: escaped(inOrder(args)), options: { providers: [`\${${own}}`] } },
  ]);
  const program = {
    name: project,
    runtime: "yaml",
    packages: { llmkube: packageFolder },
    resources: {
      [own]: { type: "pulumi:providers:kubernetes", name: provider.name, properties: escaped(provider.args) },
      ...Object.fromEntries(models),
    },
    outputs: {
      endpoints: Object.fromEntries(deployments.map(({ name }) => [name, `\${${reference(name)}.endpoint}`])),
    },
  };
  const comment = instructions(emission, ["(save this as Pulumi.yaml)"]).map((line) => `# ${line}\n`);
  return `${comment.join("")}${stringify(program, { lineWidth: 0 })}`;
}

/** In YAML all resources share one space of names. */
function providerKey(taken: readonly string[]): string {
  let key = "provider";
  while (taken.includes(key)) key = `${key}-of-kubernetes`;
  return key;
}

/** A name with dots or dashes inside `${ }`. */
function reference(name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? name : `["${name}"]`;
}

/** What `${` begins in Pulumi's YAML is an expression. */
function escaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", "$$${");
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escaped(inner)]));
}

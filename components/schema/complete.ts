import * as z from "zod";
import { memberSchema, unwrap } from "../../api/schema-walk.ts";
import { llmControllerArgsSchema, llmNodeArgsSchema } from "../fleet/fleet-args-schema.ts";
import { llmModelArgsSchema } from "../model/args-schema.ts";
import { componentType } from "../package-name.ts";
import type { Comment } from "./comments.ts";
import type { inferredSchema } from "./infer.ts";

type Schema = ReturnType<typeof inferredSchema>;
type Properties = NonNullable<Schema["types"][string]["properties"]>;
type Property = Properties[string];
type Comments = ReadonlyMap<string, Comment>;

/** Arguments of each component. They tell which numbers are whole, which the types cannot. */
const ARGUMENTS = {
  LlmController: llmControllerArgsSchema,
  LlmModel: llmModelArgsSchema,
  LlmNode: llmNodeArgsSchema,
} satisfies Record<string, z.ZodObject>;

/**
 * Arguments whose default the packages for other languages write into the program's place. Nothing that decides memory
 * is among them: a policy may change what a program left open, and must not change what the program said.
 */
const WRITTEN_DEFAULTS: ReadonlySet<string> = new Set([
  "LlmControllerArgs.namespace",
  "LlmControllerArgs.replicas",
  "LlmControllerArgs.customResourceDefinitions",
  "LlmModelArgs.format",
  "LlmModelArgs.accelerator",
  "LlmModelArgs.namespace",
  "LlmNodeArgs.namespace",
  "LlmNodeArgs.user",
  "LlmNodeArgs.prefix",
  "Serving.replicas",
  "Serving.priority",
  "Serving.evictionProtection",
  "Serving.port",
]);

/** npm metadata that the schema repeats. */
export interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly homepage: string;
  readonly license: string;
  readonly author: string;
  readonly repository: { readonly url: string };
  readonly keywords: readonly string[];
}

/** `inferred` with what Pulumi's inference leaves out: whole numbers, defaults, comments on types, and the package's own data. */
export function completed(inferred: Schema, comments: Comments, manifest: Manifest): object {
  const whole = wholeNumbers(inferred);
  const finish = (owner: string, properties: Properties = {}) =>
    mapValues(properties, (property, name) => finished(property, `${owner}.${name}`, comments, whole));
  return {
    ...packageData(inferred, manifest),
    types: mapValues(inferred.types, ({ properties, enum: values, ...type }, token) => {
      const name = nameOf(token);
      const described = values?.map((value) => ({ ...value, ...textOf(comments, `${name}.${value.name}`) }));
      return {
        ...type,
        ...textOf(comments, name),
        ...(described === undefined ? { properties: finish(name, properties) } : { enum: described }),
      };
    }),
    resources: mapValues(
      inferred.resources,
      ({ inputProperties, properties, description = "", ...resource }, token) => ({
        ...resource,
        description: oneLine(description),
        inputProperties: finish(`${nameOf(token)}Args`, inputProperties),
        properties: finish(nameOf(token), properties),
      }),
    ),
  };
}

function packageData({ name, version, dependencies }: Schema, manifest: Manifest): object {
  return {
    name,
    displayName: "LLMs on Apple silicon",
    version,
    description: manifest.description,
    keywords: [...manifest.keywords, "category/infrastructure", "kind/component"],
    homepage: manifest.homepage,
    license: manifest.license,
    repository: manifest.repository.url.replace(/^git\+|\.git$/g, ""),
    publisher: manifest.author,
    meta: { moduleFormat: "(.*)" },
    language: {
      csharp: { respectSchemaVersion: true },
      go: { respectSchemaVersion: true, generateResourceContainerTypes: true },
      java: { respectSchemaVersion: true },
      nodejs: { respectSchemaVersion: true, packageName: "pulumi-llmkube" },
      python: { respectSchemaVersion: true, packageName: "pulumi_llmkube", pyproject: { enabled: true } },
    },
    dependencies,
  };
}

/** @param field `OWNER.PROPERTY`, as comments are found */
function finished(property: Property & { optional?: boolean }, field: string, comments: Comments, whole: Whole) {
  const { optional, description, ...rest } = property;
  const type = whole.has(field) ? { ...rest, type: "integer" as const } : rest;
  const given = WRITTEN_DEFAULTS.has(field) ? comments.get(field)?.default : undefined;
  return {
    ...type,
    ...(description !== undefined && { description: oneLine(description) }),
    ...(given !== undefined && { default: literal(given, "type" in type ? type.type : "string") }),
  };
}

function literal(text: string, type: string): string | number | boolean {
  return type === "string" ? text : JSON.parse(text);
}

type Whole = ReadonlySet<string>;

/** `OWNER.PROPERTY` of each number that is whole. */
function wholeNumbers(inferred: Schema): Whole {
  const found = new Set<string>();
  const walk = (owner: string, properties: Properties, schema: z.core.$ZodType) => {
    for (const [name, property] of Object.entries(properties)) {
      const member = memberSchema(schema, name);
      if (member === undefined) continue;
      if (unwrap(member) instanceof z.ZodNumberFormat) found.add(`${owner}.${name}`);
      const type = "$ref" in property ? property.$ref.replace("#/types/", "") : undefined;
      const members = type === undefined ? undefined : inferred.types[type]?.properties;
      if (type !== undefined && members !== undefined) walk(nameOf(type), members, member);
    }
  };
  for (const [component, schema] of Object.entries(ARGUMENTS)) {
    walk(`${component}Args`, inferred.resources[componentType(component)]?.inputProperties ?? {}, schema);
  }
  return found;
}

/** `LlmModel` of `llmkube:index:LlmModel`. */
function nameOf(token: string): string {
  return token.split(":").at(-1) ?? token;
}

function textOf(comments: Comments, name: string): { description?: string } {
  const text = comments.get(name)?.text;
  return text === undefined || text === "" ? {} : { description: oneLine(text) };
}

/** Comments are broken into lines where the sources are, which means nothing to a reader of the documentation. */
function oneLine(text: string): string {
  return text.replace(/(?<!\n)\n(?!\n)/g, " ");
}

function mapValues<From, To>(of: Readonly<Record<string, From>>, map: (value: From, key: string) => To) {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, map(value, key)]));
}

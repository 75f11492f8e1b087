import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import type { Kind } from "../../api/constants.ts";
import { crdFiles } from "../../api/crd-files.ts";

/** An OpenAPI schema as CRDs use it: what the tests look at. */
export interface CrdSchema {
  readonly type: string;
  readonly format?: string | undefined;
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[] | undefined;
  readonly pattern?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: boolean | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, CrdSchema>> | undefined;
  readonly items?: CrdSchema | undefined;
  readonly additionalProperties?: CrdSchema | undefined;
  readonly "x-kubernetes-preserve-unknown-fields"?: true | undefined;
  readonly "x-kubernetes-validations"?: readonly { rule: string; message: string }[] | undefined;
  readonly "x-kubernetes-list-type"?: string | undefined;
  readonly "x-kubernetes-list-map-keys"?: readonly string[] | undefined;
  readonly "x-kubernetes-map-type"?: string | undefined;
}

/** Strict: a keyword that is not meant to be in a CRD fails the tests that read it. */
const schemaShape: z.ZodType<CrdSchema> = z.lazy(() =>
  z.strictObject({
    type: z.string(),
    format: z.string().optional(),
    default: z.unknown().optional(),
    enum: z.array(z.union([z.string(), z.number()])).optional(),
    pattern: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    exclusiveMinimum: z.boolean().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    maxItems: z.number().optional(),
    title: z.string().optional(),
    description: z.string().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), schemaShape).optional(),
    items: schemaShape.optional(),
    additionalProperties: schemaShape.optional(),
    "x-kubernetes-preserve-unknown-fields": z.literal(true).optional(),
    "x-kubernetes-validations": z.array(z.strictObject({ rule: z.string(), message: z.string() })).optional(),
    "x-kubernetes-list-type": z.string().optional(),
    "x-kubernetes-list-map-keys": z.array(z.string()).optional(),
    "x-kubernetes-map-type": z.string().optional(),
  }),
);

const crdShape = z.object({
  apiVersion: z.literal("apiextensions.k8s.io/v1"),
  kind: z.literal("CustomResourceDefinition"),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    group: z.string(),
    scope: z.string(),
    names: z.object({
      kind: z.string(),
      listKind: z.string(),
      plural: z.string(),
      singular: z.string(),
      shortNames: z.array(z.string()),
    }),
    versions: z.tuple([
      z.object({
        name: z.string(),
        served: z.boolean(),
        storage: z.boolean(),
        subresources: z.record(z.string(), z.record(z.string(), z.string())),
        additionalPrinterColumns: z.array(z.object({ name: z.string(), jsonPath: z.string(), type: z.string() })),
        schema: z.object({ openAPIV3Schema: schemaShape }),
      }),
    ]),
  }),
});

export type Crd = z.output<typeof crdShape>;

/** The committed CRD of a kind, as the YAML says it. */
export function committedCrd(kind: Kind): Crd {
  const name = [...crdFiles().keys()].find((file) => file.endsWith(`_${kind.toLowerCase()}s.yaml`)) ?? "";
  return crdShape.parse(parse(committedCrdText(name)));
}

export function committedCrdText(name: string): string {
  return readFileSync(join(import.meta.dirname, "..", "..", "crds", name), "utf8");
}

export function crdSchema(kind: Kind): CrdSchema {
  return committedCrd(kind).spec.versions[0].schema.openAPIV3Schema;
}

/** Every field below spec and status by its path: `[]` for items of a list, `{}` for values of a map. */
export function crdFields(kind: Kind): ReadonlyMap<string, CrdSchema> {
  const { spec, status } = crdSchema(kind).properties ?? {};
  return new Map(
    Object.entries({ spec, status }).flatMap(([path, schema]) => (schema ? [...fieldsOf(path, schema)] : [])),
  );
}

function* fieldsOf(path: string, schema: CrdSchema): Generator<readonly [string, CrdSchema]> {
  yield [path, schema];
  for (const [key, field] of Object.entries(schema.properties ?? {})) yield* fieldsOf(`${path}.${key}`, field);
  if (schema.items !== undefined) yield* fieldsOf(`${path}[]`, schema.items);
  if (schema.additionalProperties !== undefined) yield* fieldsOf(`${path}{}`, schema.additionalProperties);
}

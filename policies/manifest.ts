import * as z from "zod";
import { DEFAULT_NAMESPACE, type Kind } from "../api/constants.ts";
import { explain } from "../api/explain.ts";
import { type InferenceService, inferenceServiceSchema } from "../api/inferenceservice.ts";
import { type Model, modelSchema } from "../api/model.ts";
import { type Path, pathText } from "../api/schema-walk.ts";
import type { KnownModelSpec, KnownServiceSpec } from "./definition.ts";
import { knownInputs } from "./known-inputs.ts";

/** A resource as a policy sees it. */
export interface Resource {
  readonly urn: string;
  /** Name of the Pulumi resource. */
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly provider?: { readonly urn: string };
}

/**
 * The inputs of a custom resource, read as a manifest. `subject` is its name in messages, for example `Model
 * default/gemma`; `unknown` has the paths of fields whose values are not known before the update, which the manifest
 * does not have.
 */
export type Reading<Manifest, State extends "read" | "pending" | "faulty" = "read" | "pending" | "faulty"> = Extract<
  Outcome<Manifest> & Named,
  { readonly state: State }
>;

type Outcome<Manifest> =
  | { readonly state: "read"; readonly manifest: Manifest }
  /** Its name is not known before the update, or so much that the rest cannot be read. */
  | { readonly state: "pending" }
  /** One sentence: what is wrong, regardless of the unknown fields. */
  | { readonly state: "faulty"; readonly fault: string };

interface Named {
  readonly subject: string;
  readonly namespace: string;
  /** Empty where it is not known. */
  readonly name: string;
  readonly unknown: readonly string[];
}

export function readModel(resource: Resource): Reading<Omit<Model, "spec"> & { readonly spec: KnownModelSpec }> {
  return read("Model", modelSchema, resource);
}

export function readInferenceService(
  resource: Resource,
): Reading<Omit<InferenceService, "spec"> & { readonly spec: KnownServiceSpec }> {
  return read("InferenceService", inferenceServiceSchema, resource);
}

export function subjectOf(kind: Kind, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

/** One sentence for a preview: which fields it could not check. */
export function unknownInPreview(subject: string, paths: readonly string[]): string {
  const verb = paths.length === 1 ? "is" : "are";
  return `${subject}: ${paths.join(" and ")} ${verb} not known yet and will be checked during the update.`;
}

const namedSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().default(DEFAULT_NAMESPACE) }),
});

/** Stands for a required text that is not known yet, while the rest is read. It is a valid source and a valid name. */
const PLACEHOLDER = "unknown";

function read<Manifest>(kind: Kind, schema: z.ZodType<Manifest>, resource: Resource): Reading<Manifest> {
  const { known, unknown } = knownInputs(resource.props);
  const metadata = namedSchema.safeParse(known).data?.metadata;
  const named: Named = {
    subject: metadata ? subjectOf(kind, metadata.namespace, metadata.name) : `${kind} of resource ${resource.name}`,
    namespace: metadata?.namespace ?? DEFAULT_NAMESPACE,
    name: metadata?.name ?? "",
    unknown,
  };
  const parsed = schema.safeParse(known);
  if (parsed.success) return { state: "read", manifest: parsed.data, ...named };
  const isUnknown = (path: Path) => unknown.includes(pathText(path));
  const faults = parsed.error.issues.filter(({ path }) => !isUnknown(path));
  if (faults.length > 0)
    return { state: "faulty", fault: `${named.subject}: ${explain(schema, known, faults)}`, ...named };
  const required = parsed.error.issues.map(({ path }) => path);
  const manifest = metadata && readWithout(schema, known, required);
  return manifest === undefined ? { state: "pending", ...named } : { state: "read", manifest, ...named };
}

/** Reads the rest of a document of which some required texts are not known; undefined where they are more than texts. */
function readWithout<Manifest>(
  schema: z.ZodType<Manifest>,
  known: unknown,
  required: readonly Path[],
): Manifest | undefined {
  for (const path of required) put(known, path, PLACEHOLDER);
  const { data } = schema.safeParse(known);
  for (const path of required) put(data, path, undefined);
  return data;
}

function put(document: unknown, path: Path, value: unknown): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), document);
  if (typeof parent === "object" && parent !== null) Reflect.set(parent, path.at(-1) ?? "", value);
}

import * as z from "zod";
import { DEFAULT_NAMESPACE, type Kind } from "../api/constants.ts";
import { explain } from "../api/explain.ts";
import { type InferenceService, inferenceServiceSchema } from "../api/inferenceservice.ts";
import { type Model, modelSchema } from "../api/model.ts";
import { pathText } from "../api/schema-walk.ts";
import { knownInputs } from "./known-inputs.ts";

/** A resource as a policy sees it. */
export interface Resource {
  readonly urn: string;
  /** Name of the Pulumi resource. */
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
}

/**
 * The inputs of a custom resource, read as a manifest. `subject` is its name in messages, for example `Model
 * default/gemma`.
 */
export type Reading<Manifest> =
  /**
   * `unknown` has the paths of optional fields whose values are not known before the update; the manifest does not have
   * them.
   */
  | {
      readonly state: "read";
      readonly subject: string;
      readonly manifest: Manifest;
      readonly unknown: readonly string[];
    }
  /** Some required fields are not known before the update. */
  | { readonly state: "pending"; readonly subject: string; readonly unknown: readonly string[] }
  /** One sentence: what is wrong, regardless of the unknown fields. */
  | { readonly state: "faulty"; readonly subject: string; readonly fault: string };

export function readModel(resource: Resource): Reading<Model> {
  return read("Model", modelSchema, resource);
}

export function readInferenceService(resource: Resource): Reading<InferenceService> {
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

const named = z.object({ metadata: z.object({ name: z.string(), namespace: z.string().default(DEFAULT_NAMESPACE) }) });

function read<Manifest>(kind: Kind, schema: z.ZodType<Manifest>, { name, props }: Resource): Reading<Manifest> {
  const { known, unknown } = knownInputs(props);
  const metadata = named.safeParse(known).data?.metadata;
  const subject = metadata ? subjectOf(kind, metadata.namespace, metadata.name) : `${kind} of resource ${name}`;
  const parsed = schema.safeParse(known);
  if (parsed.success) return { state: "read", subject, manifest: parsed.data, unknown };
  const faults = parsed.error.issues.filter(({ path }) => !unknown.includes(pathText(path)));
  if (faults.length === 0) return { state: "pending", subject, unknown };
  return { state: "faulty", subject, fault: `${subject}: ${explain(schema, known, faults)}` };
}

import * as z from "zod";
import { GROUP, type Kind, VERSION } from "./constants.ts";
import { inferenceServiceSchema } from "./inferenceservice.ts";
import { modelSchema } from "./model.ts";
import { unwrap } from "./schema-walk.ts";

interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: "string" | "integer" | "date";
}

interface Definition {
  readonly schema: z.ZodObject;
  readonly description: string;
  readonly shortName: string;
  readonly columns: readonly Column[];
  readonly scale?: Readonly<Record<"specReplicasPath" | "statusReplicasPath" | "labelSelectorPath", string>>;
}

const AGE: Column = { name: "Age", jsonPath: ".metadata.creationTimestamp", type: "date" };

/**
 * Short names and columns are LLMKube's (docs/background/llmkube.md, "API"), so that kubectl shows what its users know.
 */
const DEFINITIONS: Readonly<Record<Kind, Definition>> = {
  Model: {
    schema: modelSchema,
    description:
      "A Model names the weights of a large language model: where they come from, and how much memory they may use.",
    shortName: "mdl",
    columns: [
      { name: "Phase", jsonPath: ".status.phase", type: "string" },
      { name: "Size", jsonPath: ".status.size", type: "string" },
      { name: "Accelerator", jsonPath: ".spec.hardware.accelerator", type: "string" },
      { name: "Arch", jsonPath: ".status.gguf.architecture", type: "string" },
      AGE,
    ],
  },
  InferenceService: {
    schema: inferenceServiceSchema,
    description: "An InferenceService runs servers that answer requests with a Model.",
    shortName: "isvc",
    columns: [
      { name: "Phase", jsonPath: ".status.phase", type: "string" },
      { name: "Model", jsonPath: ".spec.modelRef", type: "string" },
      { name: "Replicas", jsonPath: ".status.readyReplicas", type: "string" },
      { name: "Reason", jsonPath: ".status.schedulingStatus", type: "string" },
      { name: "Queue", jsonPath: ".status.queuePosition", type: "integer" },
      { name: "Priority", jsonPath: ".spec.priority", type: "string" },
      { name: "Endpoint", jsonPath: ".status.endpoint", type: "string" },
      AGE,
    ],
    // LLMKube's has no selector: an HPA that looks at metrics of pods needs one.
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.selector",
    },
  },
};

/** Each CustomResourceDefinition, by its file name in crds/. */
export function customResourceDefinitions(): ReadonlyMap<string, object> {
  return new Map(
    Object.entries(DEFINITIONS).map(([kind, definition]) => {
      const plural = `${kind.toLowerCase()}s`;
      return [`${GROUP}_${plural}.yaml`, customResourceDefinition(kind, plural, definition)];
    }),
  );
}

function customResourceDefinition(kind: string, plural: string, definition: Definition): object {
  const { columns, scale, shortName } = definition;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName] },
      scope: "Namespaced",
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: rootSchema(definition) },
        },
      ],
    },
  };
}

/** The API server has its own rules for apiVersion, kind and metadata; only spec and status are ours. */
function rootSchema({ schema, description }: Definition): object {
  const { apiVersion, kind, metadata, ...ours } = schema.shape;
  const json = z.toJSONSchema(z.object(ours), { target: "openapi-3.0", io: "input", override: structural });
  const own = { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: { type: "object" } };
  return { type: "object", description, required: json.required ?? [], properties: { ...own, ...json.properties } };
}

/** Bounds that zod adds to every whole number. In OpenAPI a format says the same. */
const INTEGER_BOUNDS: Readonly<
  Record<string, { readonly format: string; readonly minimum: number; readonly maximum: number }>
> = {
  int32: { format: "int32", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  safeint: { format: "int64", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
};

/**
 * Turns the JSON schema of zod into a structural schema; there, pruning and strict validation close the objects, not
 * the schema.
 */
function structural({
  zodSchema,
  jsonSchema: json,
}: {
  zodSchema: z.core.$ZodType;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  const schema = unwrap(zodSchema);
  // These two serve the messages of the parser only.
  delete json["expected"];
  delete json["example"];
  if (schema instanceof z.ZodObject) {
    delete json.additionalProperties;
    if (Object.keys(json.properties ?? {}).length === 0) delete json.properties;
  }
  if (schema instanceof z.ZodISODateTime) delete json.pattern;
  if (schema instanceof z.ZodLiteral && json.type === "number") json.type = "integer";
  const bounds = schema instanceof z.ZodNumberFormat ? INTEGER_BOUNDS[schema.format ?? ""] : undefined;
  if (bounds === undefined) return;
  json.format = bounds.format;
  if (json.minimum === bounds.minimum) delete json.minimum;
  if (json.maximum === bounds.maximum) delete json.maximum;
}

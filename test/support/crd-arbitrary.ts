import fc from "fast-check";
import type { Kind } from "../../api/constants.ts";
import { type CrdSchema, crdFields, crdSchema } from "./crds.ts";

/** Text that also holds what YAML and JSON must quote. */
const anyText = (schema: CrdSchema) =>
  fc.string({ unit: "grapheme", minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 40, 40) });

/** Quantities that are good budgets, in all three notations. */
const budget = fc
  .oneof(
    fc.tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom("", "k", "M", "G", "Ki", "Mi", "Gi", "Ti", "e3", "m")),
    fc.tuple(fc.constantFrom("1.5", ".5", "5.", "+1"), fc.constantFrom("Gi", "G", "E3")),
  )
  .map((parts) => parts.join(""));

/** `slo.objective`: mostly within its rule, which its pattern does not know. */
const percentage = fc.integer({ min: 49_000, max: 100_000 }).map((thousandths) => (thousandths / 1000).toFixed(3));

/** Values of an opaque Kubernetes type: any JSON object, with the keys that objects cannot hold left out. */
const opaque = fc
  .dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  .map((object) => JSON.stringify(object))
  .filter((json) => !json.includes("__proto__"))
  // Through JSON, which has no -0.
  .map((json): unknown => JSON.parse(json));

/**
 * Manifests that keep to a CRD's schema, field by field. Rules across fields are not kept to: what breaks one is for the
 * test to recognise by {@link ruleMessages}.
 */
export function manifests(kind: Kind): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const { spec } = crdSchema(kind).properties ?? {};
  if (spec === undefined) throw new Error(`${kind} has no spec`);
  return fc.record({
    apiVersion: fc.constant("inference.llmkube.dev/v1alpha1"),
    kind: fc.constant(kind),
    metadata: fc.constant({ name: "generated", namespace: "default" }),
    spec: valuesOf(spec),
  });
}

export function ruleMessages(kind: Kind): readonly string[] {
  return [...crdFields(kind).values()].flatMap((field) =>
    (field["x-kubernetes-validations"] ?? []).map(({ message }) => message),
  );
}

function valuesOf(schema: CrdSchema, name = ""): fc.Arbitrary<unknown> {
  if (name === "memoryBudget") return budget;
  if (name === "objective") return percentage;
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema["x-kubernetes-preserve-unknown-fields"]) return opaque;
  switch (schema.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 });
    case "number": {
      const { minimum = -1e6, maximum = 1e6, exclusiveMinimum = false } = schema;
      return fc
        .double({ min: minimum, max: maximum, minExcluded: exclusiveMinimum, noNaN: true })
        .map((value) => (Object.is(value, -0) ? 0 : value));
    }
    case "array":
      return fc.array(schema.items ? valuesOf(schema.items) : fc.constant(null), { maxLength: 3 });
    case "object":
      return objectsOf(schema);
    default:
      return schema.pattern === undefined ? anyText(schema) : fc.stringMatching(new RegExp(schema.pattern));
  }
}

function objectsOf({ properties, additionalProperties, required }: CrdSchema): fc.Arbitrary<unknown> {
  if (additionalProperties !== undefined) {
    const keys = fc.string({ minLength: 1 }).filter((key) => key !== "__proto__");
    return fc.dictionary(keys, valuesOf(additionalProperties), { maxKeys: 3 });
  }
  const fields = Object.entries(properties ?? {}).map(([key, field]) => [key, memberOf(field, key)] as const);
  return fc
    .record(Object.fromEntries(fields), { requiredKeys: [...(required ?? [])], noNullPrototype: true })
    .map((object) => Object.fromEntries(Object.entries(object).filter(([, member]) => member !== undefined)));
}

/** Objects with rules of their own are left out more often, so that not every manifest breaks one. */
function memberOf(field: CrdSchema, key: string): fc.Arbitrary<unknown> {
  const hasRules = field.type === "object" && field["x-kubernetes-validations"] !== undefined;
  return hasRules
    ? fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, valuesOf(field, key))
    : valuesOf(field, key);
}

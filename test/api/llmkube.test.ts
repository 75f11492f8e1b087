import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import * as z from "zod";
import { KINDS } from "../../api/constants.ts";
import { type CrdSchema, committedCrd, crdFields, crdSchema } from "../support/crds.ts";
import { goodManifests } from "../support/manifests.ts";

/** What LLMKube's published CRDs say of one field, as of its release 0.9.27. */
const fieldShape = z.strictObject({
  type: z.string(),
  required: z.literal(true).optional(),
  /** An embedded Kubernetes type. */
  of: z.string().optional(),
  enum: z.array(z.union([z.string(), z.number()])).optional(),
  default: z.unknown().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  format: z.string().optional(),
  pattern: z.string().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  maxItems: z.number().optional(),
  /** Number of CEL rules. */
  rules: z.number().optional(),
  listType: z.string().optional(),
});
const factsShape = z.record(
  z.enum(KINDS),
  z.strictObject({
    names: z.record(z.string(), z.unknown()),
    scope: z.string(),
    subresources: z.record(z.string(), z.record(z.string(), z.string())),
    columns: z.array(z.tuple([z.string(), z.string(), z.string()])),
    fields: z.record(z.string(), fieldShape),
  }),
);
const file = join(import.meta.dirname, "..", "fixtures", "llmkube", "v1alpha1.json");
const facts = factsShape.parse(JSON.parse(readFileSync(file, "utf8")));

/** Refused on purpose, because a bad budget would only surface on the node (LLMKube accepts any text). */
const STRICTER = new Set(["spec.hardware.memoryBudget", "spec.hardware.memoryFraction"]);
/** So much longer than anything in use that it bounds no manifest. */
const GENEROUS = 4096;

/** What ours have beyond LLMKube's: an HPA finds the pods of a service by it. Nobody writes a status in a manifest. */
const MORE = {
  Model: { fields: [], subresources: {} },
  InferenceService: { fields: ["status.selector"], subresources: { labelSelectorPath: ".status.selector" } },
} as const;

for (const kind of KINDS) {
  const { names, scope, subresources, columns, fields } = facts[kind];

  describe(`${kind} has of LLMKube's`, () => {
    const ours = crdFields(kind);
    const crd = committedCrd(kind);

    it("names, scope, columns and subresources", () => {
      const { listKind, ...rest } = crd.spec.names;
      assert.deepEqual({ ...rest, listKind }, { ...names, kind, listKind: `${kind}List` });
      assert.equal(crd.spec.scope, scope);
      const { scale } = subresources;
      const expected = scale === undefined ? {} : { scale: { ...scale, ...MORE[kind].subresources } };
      assert.deepEqual(crd.spec.versions[0].subresources, { ...subresources, ...expected });
      const shown = crd.spec.versions[0].additionalPrinterColumns;
      assert.deepEqual(
        shown.map(({ name, jsonPath, type }) => [name, jsonPath, type]),
        columns,
      );
      assert.deepEqual(crdSchema(kind).required, ["spec"]);
    });

    for (const [path, theirs] of Object.entries(fields)) {
      it(path, () => assertSame(theirs, ours.get(path), path));
    }

    it("every field that is required, and no other", () => {
      const required = Object.entries(fields).filter(([path, field]) => field.required && path !== "spec");
      const mine = [...ours].flatMap(([path, schema]) => (schema.required ?? []).map((key) => `${path}.${key}`));
      assert.deepEqual(
        mine.filter((path) => !path.startsWith("status.conditions[]")).sort(),
        required.map(([path]) => path).sort(),
      );
    });

    it("no field that it has not, but for those that are meant", () => {
      const more = [...ours.keys()].filter((path) => !Object.hasOwn(fields, path));
      const expected = /^status\.conditions\[\]|\[\]$/;
      assert.deepEqual(
        more.filter((path) => !expected.test(path)),
        MORE[kind].fields,
      );
    });

    it("a description with every field", () => {
      const undescribed = [...ours].filter(
        ([path, schema]) => !/[\]}]$/.test(path) && !(schema.description ?? "").endsWith("."),
      );
      assert.deepEqual(
        undescribed.map(([path]) => path),
        [],
      );
    });

    it("every field set in a manifest that the tests use", () => {
      const set = new Set(
        goodManifests().flatMap(([, manifest]) => (manifest["kind"] === kind ? paths(manifest) : [])),
      );
      assert.deepEqual(
        Object.keys(fields).filter((path) => !set.has(path)),
        [],
      );
    });
  });
}

function assertSame(theirs: z.output<typeof fieldShape>, ours: CrdSchema | undefined, path: string): void {
  assert.ok(ours, "is not there");
  assert.equal(ours.type, theirs.type);
  assert.deepEqual(ours.enum, theirs.enum);
  assert.deepEqual(ours.default, theirs.default);
  assert.equal(ours["x-kubernetes-list-type"], theirs.listType);
  if (theirs.format !== undefined) assert.equal(ours.format, theirs.format);
  const embedded = theirs.type === "array" ? ours.items : ours;
  const opaque = theirs.of === undefined || theirs.listType === "map" ? undefined : theirs.of;
  assert.equal(embedded?.title, opaque);
  assert.equal(embedded?.["x-kubernetes-preserve-unknown-fields"] ?? false, opaque !== undefined);
  if (STRICTER.has(path)) return;
  assert.equal(ours.minimum, theirs.minimum);
  assert.equal(ours.maximum, theirs.maximum);
  assert.equal(ours.exclusiveMinimum, undefined);
  assert.equal(ours.minLength, theirs.minLength);
  assert.equal(ours["x-kubernetes-validations"]?.length, theirs.rules);
  for (const bound of ["maxLength", "maxItems"] as const) {
    assert.ok((ours[bound] ?? GENEROUS) >= (theirs[bound] ?? GENEROUS), `${bound} ${ours[bound]}`);
  }
  assertSameTexts(theirs.pattern, ours.pattern);
}

/** The two are written differently, so what matters is that neither accepts what the other refuses. */
function assertSameTexts(theirs: string | undefined, ours: string | undefined): void {
  assert.equal(ours === undefined, theirs === undefined);
  if (theirs === undefined || ours === undefined) return;
  const [their, our] = [new RegExp(theirs), new RegExp(ours)];
  const texts = fc.oneof(fc.stringMatching(their), fc.stringMatching(our), fc.string());
  fc.assert(fc.property(texts, (text) => our.test(text) === their.test(text)));
}

/** Paths of all that is set in a value, as the table writes them. */
function paths(value: unknown, path = ""): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => paths(item, `${path}[]`))];
  if (typeof value !== "object" || value === null) return [path];
  const isMap = /(?:nodeSelector|podAnnotations|podLabels)$/.test(path);
  const below = Object.entries(value).flatMap(([key, member]) => {
    if (isMap) return paths(member, `${path}{}`);
    return paths(member, path === "" ? key : `${path}.${key}`);
  });
  return [path, ...below];
}

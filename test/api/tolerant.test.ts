import assert from "node:assert/strict";
import fc from "fast-check";
import { KINDS } from "../../api/constants.ts";
import { isFields } from "../../api/document.ts";
import { parseManifest, readTolerantly } from "../../api/parse.ts";
import { manifests } from "../support/crd-arbitrary.ts";
import { goodManifests, modelManifest, serviceManifest } from "../support/manifests.ts";

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`zzqx${at}`, at]));

describe("readTolerantly", () => {
  for (const [name, manifest] of goodManifests()) {
    it(`reads ${name} as parseManifest does, without a note`, () => {
      const parsed = parseManifest(manifest);
      assert.ok(parsed.ok);
      assert.deepEqual(readTolerantly(manifest), { ok: true, value: { manifest: parsed.value } });
    });
  }

  const later: ReadonlyArray<readonly [about: string, document: object, rest: object, note: string]> = [
    [
      "a field of the spec",
      serviceManifest({ kernelFusion: { level: 3 } }),
      serviceManifest(),
      "InferenceService default/chat: spec.kernelFusion is not a field that this version knows; it is not acted on",
    ],
    [
      "fields at several depths, and one in a list",
      {
        ...modelManifest({ hardware: { gpu: { resourceClaims: [{ name: "a", resourceClaimName: "b", qqq: 1 }] } } }),
        zzz: 1,
      },
      modelManifest({ hardware: { gpu: { resourceClaims: [{ name: "a", resourceClaimName: "b" }] } } }),
      "Model default/llama: spec.hardware.gpu.resourceClaims[0].qqq, zzz are not fields that this version knows; they are not" +
        " acted on",
    ],
    [
      "a field of the status, whatever its name is like",
      { ...modelManifest(), status: { phase: "Ready", paths: ["/a"] } },
      { ...modelManifest(), status: { phase: "Ready" } },
      "Model default/llama: status.paths is not a field that this version knows; it is not acted on",
    ],
    [
      "more fields than it names",
      modelManifest(many(9)),
      modelManifest(),
      "Model default/llama: spec.zzqx0, spec.zzqx1, spec.zzqx2, spec.zzqx3, spec.zzqx4, spec.zzqx5, spec.zzqx6, spec.zzqx7 and 1" +
        " more are not fields that this version knows; they are not acted on",
    ],
  ];
  for (const [about, document, rest, note] of later) {
    it(`leaves out ${about}, and says so`, () => {
      const parsed = parseManifest(rest);
      assert.ok(parsed.ok);
      assert.deepEqual(readTolerantly(document), { ok: true, value: { manifest: parsed.value, note } });
      assert.equal(parseManifest(document).ok, false, "parseManifest stays strict");
    });
  }

  const refused: ReadonlyArray<readonly [about: string, document: object, error: RegExp]> = [
    ["a misspelt field", modelManifest({ hardware: { memoryBudgt: "1Gi" } }), /did you mean memoryBudget\?$/],
    ["a misplaced field", modelManifest({ memoryBudget: "1Gi" }), /did you mean spec\.hardware\.memoryBudget\?$/],
    [
      "a misplaced and misspelt field",
      modelManifest({ memory_budget: "1Gi" }),
      /did you mean spec\.hardware\.memoryBudget\?$/,
    ],
    [
      "a misspelt field beside one of a later version",
      serviceManifest({ kernelFusion: 1, contextsize: 4096 }),
      /spec\.contextsize is not a field; did you mean contextSize\?$/,
    ],
    [
      "a bad value beside a field of a later version",
      serviceManifest({ kernelFusion: 1, contextSize: 1 }),
      /spec\.contextSize is 1; it must be a whole number from 128 to 2097152$/,
    ],
    [
      "a budget on the service, which belongs to the Model",
      serviceManifest({ memoryBudget: "4Gi" }),
      /spec\.memoryBudget is not a field.*; spec\.hardware\.memoryBudget is a field of the Model$/,
    ],
    [
      "a memory limit that no version knows: somebody counts on it",
      modelManifest({ hardware: { memoryCeiling: "4Gi" } }),
      /spec\.hardware\.memoryCeiling is not a field/,
    ],
    ["an object of nothing but unknown fields", modelManifest(many(33)), /spec\.zzqx0 is not a field/],
  ];
  for (const [about, document, error] of refused) {
    it(`refuses ${about}`, () => {
      const read = readTolerantly(document);
      assert.ok(!read.ok, "was accepted");
      assert.match(read.error, error);
    });
  }

  it("is not kept busy by a hundred thousand unknown fields", () => {
    const document = modelManifest(many(90_000));
    const began = process.cpuUsage();
    const read = readTolerantly(document);
    const { user } = process.cpuUsage(began);
    assert.ok(!read.ok && read.error.length < 700);
    assert.ok(user < 5_000_000, `${user} microseconds`);
  });

  for (const kind of KINDS) {
    it(`reads of ${kind} with a field of a later version all the rest`, () => {
      let notes = 0;
      fc.assert(
        fc.property(manifests(kind), fc.nat(), (manifest, at) => {
          const plain = parseManifest(manifest);
          const read = readTolerantly(withField(manifest, at));
          assert.equal(read.ok, plain.ok, read.ok ? "" : read.error);
          if (!read.ok || !plain.ok) return;
          assert.deepEqual(read.value.manifest, plain.value);
          if (read.value.note !== undefined) notes += 1;
        }),
        { numRuns: 200 },
      );
      assert.ok(notes > 20, `${notes} notes`);
    }).timeout(60_000);
  }
});

/** The manifest with a field that no version knows, in its spec or in an object there that has fields of its own. */
function withField(manifest: Readonly<Record<string, unknown>>, at: number): object {
  const spec = isFields(manifest["spec"]) ? manifest["spec"] : {};
  const closed = ["hardware", "endpoint", "resources", "slo", "rolloutPolicy"].filter((key) => isFields(spec[key]));
  const key = closed[at % (closed.length + 1)];
  if (key === undefined) return { ...manifest, spec: { ...spec, zzqxUnheard: at } };
  return { ...manifest, spec: { ...spec, [key]: { ...Object(spec[key]), zzqxUnheard: at } } };
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { GROUP, KINDS, type Kind } from "../../api/constants.ts";
import { parseManifest } from "../../api/parse.ts";
import { CONTROL_PLANE_TIMEOUT_MS, type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { manifests } from "../support/crd-arbitrary.ts";
import { committedCrdText } from "../support/crds.ts";
import { install, type Kindred } from "../support/custom-objects.ts";
import { goodManifests, modelManifest, serviceManifest } from "../support/manifests.ts";
import { quantityCrd, quantityQuestion, quantityTexts, TRAPS } from "../support/quantity-oracle.ts";

describe("A real kube-apiserver", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let plane: ControlPlane;
  const served = new Map<string, Kindred>();
  const objects = (kind: unknown) => {
    const found = served.get(String(kind));
    assert.ok(found, `${kind} is not served`);
    return found;
  };

  before(async () => {
    plane = await startControlPlane();
  });
  after(() => plane?.stop());

  for (const kind of KINDS) {
    it(`establishes the CRD of ${kind}`, async () => {
      const crd: unknown = parse(committedCrdText(`${GROUP}_${kind.toLowerCase()}s.yaml`));
      served.set(kind, await install(plane, crd));
    });
  }

  for (const [name, manifest] of goodManifests()) {
    it(`accepts ${name}, applies the defaults that the parser applies, and loses nothing`, async () => {
      const parsed = parseManifest(manifest);
      assert.ok(parsed.ok);
      const { create, read, replaceStatus } = objects(manifest["kind"]);
      const created = await create(manifest);
      assert.ok(created.ok, created.ok ? "" : created.error);
      const { spec, metadata } = await read(parsed.value.metadata.name);
      assert.deepEqual(spec, parsed.value.spec);
      assert.deepEqual(metadata["labels"], parsed.value.metadata.labels);
      assert.deepEqual(metadata["annotations"], parsed.value.metadata.annotations);

      const { status } = parsed.value;
      if (status === undefined) return;
      assert.equal(created.value.status, undefined, "status was written by a create");
      const written = await replaceStatus({ ...created.value, status });
      assert.ok(written.ok, written.ok ? "" : written.error);
      assert.deepEqual((await read(parsed.value.metadata.name)).status, status);
    });
  }

  /** 2^60 + 1, which as a double is 2^60. */
  const BEYOND_1EI = "1152921504606846977";
  const BUDGET_MESSAGE =
    "memoryBudget must be a Kubernetes quantity of bytes above 0 and at most 1Ei, for example 24Gi";
  const hardware = (fields: object) => modelManifest({ hardware: fields });
  const refused: ReadonlyArray<readonly [about: string, manifest: Readonly<Record<string, unknown>>, message: string]> =
    [
      ...["24GB", "0", "-8Gi", "1e400", "", "24 Gi", "Gi", "+", "1e-99999999", "1e99999999", "2Ei", BEYOND_1EI].map(
        (memoryBudget) =>
          [`budget ${JSON.stringify(memoryBudget)}`, hardware({ memoryBudget }), BUDGET_MESSAGE] as const,
      ),
      ["a budget of 33 characters", hardware({ memoryBudget: "1".repeat(33) }), "may not be more than 32"],
      ["a budget without quotes", hardware({ memoryBudget: 24 }), "must be of type string"],
      ["fraction 0", hardware({ memoryFraction: 0 }), "should be greater than 0"],
      ["fraction -0.5", hardware({ memoryFraction: -0.5 }), "should be greater than 0"],
      ["fraction 1.5", hardware({ memoryFraction: 1.5 }), "should be less than or equal to 1"],
      ["a misspelt budget", hardware({ memoryBudgt: "1Gi" }), 'unknown field "spec.hardware.memoryBudgt"'],
      ["a field of nobody", serviceManifest({ contextsize: 1 }), 'unknown field "spec.contextsize"'],
      ["a missing source", modelManifest({ source: undefined }), "spec.source: Required value"],
      ["a missing modelRef", serviceManifest({ modelRef: undefined }), "spec.modelRef: Required value"],
      ["a source that is none", modelManifest({ source: "no spaces please" }), "spec.source in body should match"],
      ["a context below 128", serviceManifest({ contextSize: 127 }), "greater than or equal to 128"],
      ["an unknown cache type", serviceManifest({ cacheTypeK: "q9_0" }), 'Unsupported value: "q9_0"'],
      [
        "memory of no unit",
        serviceManifest({ resources: { memory: "24 GB" } }),
        "spec.resources.memory in body should match",
      ],
      [
        "a limit of no unit",
        serviceManifest({ resources: { memoryLimit: "" } }),
        "spec.resources.memoryLimit in body should",
      ],
      [
        "resourceName beside resourceClaims",
        hardware({ gpu: { resourceName: "a/b", resourceClaims: [{ name: "c", resourceClaimName: "d" }] } }),
        "resourceName and resourceClaims exclude each other",
      ],
      [
        "a claim of two origins",
        hardware({ gpu: { resourceClaims: [{ name: "c", resourceClaimName: "d", resourceClaimTemplateName: "e" }] } }),
        "each claim needs either resourceClaimName or resourceClaimTemplateName",
      ],
      [
        "an objective of 20 %",
        serviceManifest({ slo: { objective: "20" } }),
        "it must be a percentage from 50 to 99.999",
      ],
      [
        "latency without a threshold",
        serviceManifest({ slo: { objective: "99", indicator: "latency" } }),
        "indicator latency needs latencyThreshold",
      ],
      [
        "a draft without a model",
        serviceManifest({ speculativeDecoding: { type: "draft" } }),
        "this type needs draftModelRef or draftModel",
      ],
      [
        "a draft model for n-grams",
        serviceManifest({ speculativeDecoding: { type: "ngram-mod", draftModel: "a" } }),
        "this type takes no draftModelRef and no draftModel",
      ],
      [
        "two draft models",
        serviceManifest({ speculativeDecoding: { type: "draft", draftModel: "a", draftModelRef: "b" } }),
        "draftModelRef and draftModel exclude each other",
      ],
      [
        "a claim for an ephemeral cache",
        serviceManifest({ modelCache: { persistence: "Ephemeral", claimName: "a" } }),
        "claimName needs persistence Cached",
      ],
      [
        "a GPU limit that is not shared",
        serviceManifest({ resources: { gpuSharing: { memoryLimitGiB: 4 } } }),
        "memoryLimitGiB is only for mode shared",
      ],
      [
        "a partition without a profile",
        serviceManifest({ resources: { gpuSharing: { mode: "partitioned" } } }),
        "mode partitioned needs profile",
      ],
      [
        "a profile without partitions",
        serviceManifest({ resources: { gpuSharing: { profile: "a" } } }),
        "profile is only for mode partitioned",
      ],
    ];
  for (const [about, manifest, message] of refused) {
    it(`refuses ${about}, as the parser does`, async () => {
      const answer = await objects(manifest["kind"]).dryRun(manifest);
      assert.ok(!answer.ok, "was accepted");
      assert.ok(answer.error.includes(message), answer.error);
      assert.equal(parseManifest(manifest).ok, false);
    });
  }

  it("takes 100m for a byte and a fraction for less than a byte", async () => {
    for (const memoryBudget of ["100m", "1n", ".5", "5.", "+1", "1e3", "1E", "1Ei"]) {
      const answer = await objects("Model").dryRun(hardware({ memoryBudget }));
      assert.ok(answer.ok, answer.ok ? "" : answer.error);
    }
  });

  it("takes for a budget what the parser takes, and nothing else", async () => {
    const agree = async (memoryBudget: string) => {
      const manifest = hardware({ memoryBudget });
      const answer = await objects("Model").dryRun(manifest);
      assert.equal(parseManifest(manifest).ok, answer.ok, answer.ok ? `${memoryBudget}: accepted` : answer.error);
    };
    for (const text of [...TRAPS, BEYOND_1EI, "1.0000000000000000001Ei", "1152921504606846976.4"]) await agree(text);
    await fc.assert(fc.asyncProperty(quantityTexts, agree), { numRuns: 200 });
  });

  it("scales an InferenceService by its scale subresource", async () => {
    const { create, read, readScale, replaceScale } = objects("InferenceService");
    const created = await create({ ...serviceManifest(), metadata: { name: "scaled" } });
    assert.ok(created.ok, created.ok ? "" : created.error);
    const scale = await readScale("scaled");
    assert.deepEqual(scale.spec, { replicas: 1 });
    const scaled = await replaceScale({ ...scale, spec: { replicas: 3 } });
    assert.ok(scaled.ok, scaled.ok ? "" : scaled.error);
    assert.equal((await read("scaled")).spec?.["replicas"], 3);
  });

  for (const kind of KINDS) {
    it(`accepts of ${kind} what the parser accepts, and no more`, async () => {
      const seen = { accepted: 0, refused: 0 };
      await fc.assert(
        fc.asyncProperty(manifestsWithFaults(kind), async (manifest) => {
          const parsed = parseManifest(manifest);
          const answer = await objects(kind).dryRun(manifest);
          assert.equal(answer.ok, parsed.ok, answer.ok ? (parsed.ok ? "" : parsed.error) : answer.error);
          if (answer.ok && parsed.ok) assert.deepEqual(answer.value.spec, parsed.value.spec);
          seen[answer.ok ? "accepted" : "refused"] += 1;
        }),
        { numRuns: 200 },
      );
      assert.ok(seen.accepted > 9 && seen.refused > 9, JSON.stringify(seen));
    });
  }

  it("reads quantities as parseQuantity does", async () => {
    const oracle = await install(plane, quantityCrd());
    const agree = async (text: string) => {
      const answer = await oracle.dryRun(quantityQuestion(text));
      assert.ok(answer.ok, answer.ok ? "" : answer.error);
    };
    for (const text of TRAPS) await agree(text);
    await fc.assert(fc.asyncProperty(quantityTexts, agree), { numRuns: 400 });
  });
});

/** Manifests that keep to the CRD, and fewer with one field that is wrong or unknown there. */
function manifestsWithFaults(kind: Kind): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const wrong = fc.constantFrom(
    { hardware: { memoryBudget: "24GB" } },
    { hardware: { memoryFraction: 2 } },
    { contextSize: 1 },
    { source: 1, modelRef: 1 },
    { unheardOf: true },
  );
  return fc
    .tuple(manifests(kind), fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, wrong))
    .map(([manifest, spec]) => ({ ...manifest, spec: { ...Object(manifest["spec"]), ...spec } }));
}

import assert from "node:assert/strict";
import fc from "fast-check";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { BACKENDS, CACHE_TYPES, type EstimateSettings, type KnownEstimate } from "../../../memory/estimate/types.ts";
import { headerOf, readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const truth = readTruth();
const models = Object.keys(truth);

/** Widest first. */
const WIDTHS = ["f32", "f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"] as const;

const settings: fc.Arbitrary<EstimateSettings> = fc.record({
  contextSize: fc.integer({ min: 1, max: 2 ** 31 }),
  parallel: fc.oneof(fc.constant("auto" as const), fc.integer({ min: 1, max: 64 })),
  cacheTypeK: fc.constantFrom(...CACHE_TYPES),
  cacheTypeV: fc.constantFrom("f16", "f32"),
  flashAttention: fc.boolean(),
  batchSize: fc.integer({ min: 1, max: 16_384 }),
  ubatchSize: fc.integer({ min: 1, max: 4096 }),
  backend: fc.constantFrom(...BACKENDS),
  swaFull: fc.boolean(),
  cacheRamMiB: fc.nat({ max: 2 ** 16 }),
  ctxCheckpoints: fc.nat({ max: 64 }),
  draftTokens: fc.nat({ max: 64 }),
});

describe("estimate, for every measured model and any settings", () => {
  const headers = new Map<string, GgufHeader>();
  before(async () => {
    const folder = await temporaryDirectory();
    for (const model of models) headers.set(model, await headerOf(await writeSynthetic(truth, model, folder)));
  });

  function known(model: string, asked: EstimateSettings): KnownEstimate {
    const header = headers.get(model);
    assert.ok(header);
    const answer = estimate(header, asked);
    assert.ok(answer.ok && answer.value.confidence !== "unknown", JSON.stringify(answer));
    return answer.value;
  }

  const model = fc.constantFrom(...models);

  it("is a sum of parts, each a whole number of bytes that a double holds exactly", () => {
    fc.assert(
      fc.property(model, settings, (name, asked) => {
        const { parts, totalBytes } = known(name, asked);
        const values = Object.values(parts);
        for (const bytes of values) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0, JSON.stringify(parts));
        assert.equal(
          values.reduce((sum, bytes) => sum + bytes, 0),
          totalBytes,
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("never falls when the context grows", () => {
    fc.assert(
      fc.property(model, settings, fc.integer({ min: 1, max: 2 ** 31 }), (name, asked, other) => {
        const [less, more] = [asked.contextSize, other]
          .toSorted((a, b) => a - b)
          .map((contextSize) => {
            return known(name, { ...asked, contextSize: contextSize ?? 1 }).totalBytes;
          });
        assert.ok((less ?? 0) <= (more ?? 0));
      }),
      { numRuns: 2000 },
    );
  });

  it("never falls with more slots of the same context each", () => {
    const slots = fc.tuple(
      fc.integer({ min: 1, max: 63 }),
      fc.integer({ min: 1, max: 63 }),
      fc.integer({ min: 1, max: 65_536 }),
    );
    fc.assert(
      fc.property(model, settings, slots, (name, asked, [few, more, each]) => {
        const of = (parallel: number) => known(name, { ...asked, parallel, contextSize: parallel * each }).totalBytes;
        assert.ok(of(few) <= of(few + more));
      }),
      { numRuns: 2000 },
    );
  });

  it("has no larger cache in a narrower type", () => {
    fc.assert(
      fc.property(model, settings, (name, asked) => {
        const sizes = WIDTHS.map((type) => known(name, { ...asked, cacheTypeK: type }).contextBytes.kv);
        assert.deepEqual(
          sizes,
          sizes.toSorted((a, b) => b - a),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("answers or refuses tensors of up to 2^53 elements, and counts nothing wrong", () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 2 ** 53 - 1 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(model, shapes, settings, (name, shape, asked) => {
        const header = headers.get(name);
        assert.ok(header);
        const huge = { name: "huge.weight", shape, type: 0, offset: 0 };
        const answer = estimate({ ...header, tensors: [...header.tensors, huge] }, asked);
        if (!answer.ok) return assert.match(answer.error, /huge\.weight|more bytes than|counted/);
        assert.ok(Number.isSafeInteger(answer.value.weightsBytes));
        const exact = shape.reduce((product, dimension) => product * BigInt(dimension), 4n);
        const before = estimate(header, asked);
        assert.ok(before.ok && BigInt(answer.value.weightsBytes) === BigInt(before.value.weightsBytes) + exact);
      }),
      { numRuns: 1000 },
    );
  });
});

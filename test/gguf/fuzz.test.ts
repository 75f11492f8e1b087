import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import * as z from "zod";
import type { GgufHeader } from "../../gguf/header.ts";
import { estimate } from "../../memory/estimate/estimate.ts";
import { BACKENDS, CACHE_TYPES, type EstimateSettings } from "../../memory/estimate/types.ts";
import { writeGguf } from "../support/gguf-writer.ts";
import { assertSameAsOracle, readWithOracle } from "./oracle.ts";
import { parseBytes } from "./parse-bytes.ts";

/** The environment can ask for a longer run (`npm run fuzz`: 10 minutes), or for the cases of an earlier one. */
const FUZZ_SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 20);
const FUZZ_SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
/** A case takes well below a millisecond; a loop that runs away takes for ever. */
const SLOWEST_CASE_MS = 5000;
/** One accepted file in so many is given to the oracle, which is slow. */
const ORACLE_SHARE = 20;
/** Cases of each kept seed. */
const KEPT_RUNS = 2000;
/** What a run may add to the heap once garbage is gone: a leak grows with the cases, some 3,000 a second. */
const MAX_HEAP_GROWTH_BYTES = 32 * 2 ** 20;

const keptSeeds = z
  .array(z.strictObject({ seed: z.int(), why: z.string() }))
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/fuzz-seeds.json"), "utf8")));

const fixtures = join(import.meta.dirname, "../fixtures/truth");

interface Mutation {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly how: "overwrite" | "insert" | "remove" | "cut";
}

/** Numbers at which readers break: sizes, counts, types and signs at their limits. */
const words = fc
  .oneof(
    fc.constantFrom(
      0n,
      1n,
      4n,
      5n,
      8n,
      9n,
      12n,
      13n,
      31n,
      32n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
    ),
    fc.bigInt({ min: 0n, max: 2n ** 20n }),
  )
  .map((word) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(word);
    return bytes;
  });

/** Evenly from 0 to below 1, which fc.double is not. */
const share = fc.noBias(fc.nat({ max: 2 ** 20 - 1 })).map((part) => part / 2 ** 20);

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: share.map((part) => part ** 3),
  bytes: fc.oneof(
    { weight: 1, arbitrary: words },
    { weight: 1, arbitrary: words.map((word) => word.subarray(0, 4)) },
    { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 12 }) },
  ),
  how: fc.oneof(
    { weight: 12, arbitrary: fc.constant("overwrite" as const) },
    { weight: 1, arbitrary: fc.constantFrom("insert" as const, "remove" as const, "cut" as const) },
  ),
});

const settings: fc.Arbitrary<EstimateSettings> = fc.record({
  contextSize: fc.oneof(fc.integer({ min: 1, max: 2 ** 17 }), fc.constantFrom(2 ** 31, 2 ** 53)),
  parallel: fc.constantFrom(1, 3, 64, "auto" as const),
  cacheTypeK: fc.constantFrom(...CACHE_TYPES),
  cacheTypeV: fc.constantFrom(...CACHE_TYPES),
  flashAttention: fc.boolean(),
  batchSize: fc.constantFrom(1, 2048),
  ubatchSize: fc.constantFrom(1, 512, 4096),
  backend: fc.constantFrom(...BACKENDS),
  swaFull: fc.boolean(),
  cacheRamMiB: fc.constantFrom(0, 8192),
  ctxCheckpoints: fc.constantFrom(0, 32),
  draftTokens: fc.constantFrom(0, 16),
});

function mutate(head: Buffer, { at, bytes, how }: Mutation): Buffer {
  const offset = Math.floor(at * head.length);
  const [before, after] = [head.subarray(0, offset), head.subarray(offset)];
  if (how === "cut") return before;
  if (how === "remove") return Buffer.concat([before, after.subarray(bytes.length)]);
  return Buffer.concat([before, bytes, how === "insert" ? after : after.subarray(bytes.length)]);
}

describe("the header reader on damaged headers", () => {
  /** By name, so that a failure's report stays short. */
  const heads = new Map([["vocabulary", writeGguf({ metadata: { tokens: Array.from({ length: 2000 }, String) } })]]);
  for (const file of readdirSync(fixtures).filter((name) => name.endsWith(".gguf.header"))) {
    heads.set(file, readFileSync(join(fixtures, file)));
  }

  const cases = fc.record({
    name: fc.constantFrom(...heads.keys()),
    mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
    fileBytes: fc.oneof({ weight: 5, arbitrary: fc.constant(2 ** 40) }, { weight: 1, arbitrary: share }),
    pieceBytes: fc.constantFrom(65_536, 4096, 100_000),
    settings,
  });

  /** Throws on the first case that breaks a promise. */
  async function fuzz(parameters: fc.Parameters<[typeof cases extends fc.Arbitrary<infer T> ? T : never]>) {
    const counts = { accepted: 0, refused: 0, compared: 0, estimated: 0 };
    const property = fc.asyncProperty(cases, async ({ name, mutations, fileBytes, pieceBytes, settings: asked }) => {
      const damaged = mutations.reduce(mutate, heads.get(name) ?? Buffer.alloc(0));
      const size = fileBytes > 1 ? fileBytes : Math.floor(fileBytes * damaged.length * 1.2);
      const begin = performance.now();
      const { result } = parseBytes(damaged, size, pieceBytes);
      assert.ok(performance.now() - begin < SLOWEST_CASE_MS);
      if (!result.ok) {
        counts.refused += 1;
        assert.match(result.error, SENTENCE);
        return;
      }
      counts.accepted += 1;
      if (assertSaneEstimate(result.value, asked)) counts.estimated += 1;
      if (counts.accepted % ORACLE_SHARE !== 0) return;
      // The oracle has bounds of its own (strings of 10 MB): only files that both accept can be compared.
      const oracle = await readWithOracle(damaged, size).catch(() => undefined);
      if (oracle === undefined) return;
      assertSameAsOracle(result.value, oracle);
      counts.compared += 1;
    });
    await fc.assert(property, { endOnFailure: true, ...parameters });
    return counts;
  }

  for (const { seed, why } of keptSeeds) {
    it(`holds on the kept seed ${seed}: ${why}`, async function () {
      this.timeout(120_000);
      const { accepted, refused } = await fuzz({ seed, numRuns: KEPT_RUNS });
      assert.ok(accepted > 0 && refused > 0);
    });
  }

  it(`never throws, hangs or leaks in ${FUZZ_SECONDS} s of them, and reads what it accepts as the oracle does`, async function () {
    this.timeout(FUZZ_SECONDS * 10_000);
    console.log(`      again: FUZZ_SEED=${FUZZ_SEED} FUZZ_SECONDS=${FUZZ_SECONDS} npm run fuzz`);
    const before = heapAfterCollection();
    const found = await fuzz({ seed: FUZZ_SEED, numRuns: 2 ** 31, interruptAfterTimeLimit: FUZZ_SECONDS * 1000 });
    const { accepted, refused, compared, estimated } = found;
    console.log(
      `      seed ${FUZZ_SEED}: ${accepted} accepted (${compared} held against the oracle, ${estimated} estimated), ${refused} refused`,
    );
    assert.ok(compared > 0 && refused > 0 && estimated > 0);
    assert.ok(heapAfterCollection() - before < MAX_HEAP_GROWTH_BYTES);
  });
});

const SENTENCE = /^\P{Cc}{10,500}$/u;

/** Whatever a header holds: an answer of whole numbers of bytes, or one sentence. Whether there was an answer. */
function assertSaneEstimate(header: GgufHeader, settings: EstimateSettings): boolean {
  const answer = estimate(header, settings);
  if (!answer.ok) {
    assert.match(answer.error, SENTENCE);
    return false;
  }
  if (answer.value.confidence === "unknown") return false;
  const { parts, totalBytes } = answer.value;
  for (const bytes of [...Object.values(parts), totalBytes]) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0);
  return true;
}

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  assert.ok(typeof collect === "function");
  collect();
  return process.memoryUsage().heapUsed;
}

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { writeGguf } from "../../support/gguf-writer.ts";
import { assertSameAsOracle, readWithOracle } from "./oracle.ts";
import { parseBytes } from "./parse-bytes.ts";

/** The environment can ask for a longer run, or for the cases of an earlier one. */
const FUZZ_SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 5);
const FUZZ_SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
/** A case takes well below a millisecond; a loop that runs away takes for ever. */
const SLOWEST_CASE_MS = 5000;
/** One accepted file in so many is given to the oracle, which is slow. */
const ORACLE_SHARE = 20;

const fixtures = join(import.meta.dirname, "../../fixtures/truth");

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

  it(`never throws and never hangs in ${FUZZ_SECONDS} s of them, and reads what it accepts as the oracle does`, async function () {
    this.timeout(FUZZ_SECONDS * 10_000);
    let accepted = 0;
    let refused = 0;
    let compared = 0;
    const cases = fc.record({
      name: fc.constantFrom(...heads.keys()),
      mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fileBytes: fc.oneof({ weight: 5, arbitrary: fc.constant(2 ** 40) }, { weight: 1, arbitrary: share }),
      pieceBytes: fc.constantFrom(65_536, 4096, 100_000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ name, mutations, fileBytes, pieceBytes }) => {
        const damaged = mutations.reduce(mutate, heads.get(name) ?? Buffer.alloc(0));
        const size = fileBytes > 1 ? fileBytes : Math.floor(fileBytes * damaged.length * 1.2);
        const begin = performance.now();
        const { result } = parseBytes(damaged, size, pieceBytes);
        assert.ok(performance.now() - begin < SLOWEST_CASE_MS);
        if (!result.ok) {
          refused += 1;
          assert.match(result.error, /^\P{Cc}{10,500}$/u);
          return;
        }
        accepted += 1;
        if (accepted % ORACLE_SHARE !== 0) return;
        // The oracle has bounds of its own (strings of 10 MB): only files that both accept can be compared.
        const oracle = await readWithOracle(damaged, size).catch(() => undefined);
        if (oracle === undefined) return;
        assertSameAsOracle(result.value, oracle);
        compared += 1;
      }),
      { seed: FUZZ_SEED, numRuns: 1_000_000, interruptAfterTimeLimit: FUZZ_SECONDS * 1000, endOnFailure: true },
    );
    console.log(
      `      seed ${FUZZ_SEED}: ${accepted} accepted (${compared} held against the oracle), ${refused} refused`,
    );
    assert.ok(compared > 0 && refused > 0);
  });
});

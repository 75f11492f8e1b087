import assert from "node:assert/strict";
import fc from "fast-check";
import { GGML_TYPES } from "../../gguf/tensor-types.ts";
import {
  ggufFileBytes,
  type Item,
  type ScalarTypeName,
  type TypedValue,
  type WriterModel,
  type WriterTensor,
  writeGguf,
} from "../support/gguf-writer.ts";
import { assertSameAsOracle, ORACLE_RESERVED_KEYS, readWithOracle } from "./oracle.ts";
import { parseBytes } from "./parse-bytes.ts";

const SCALARS: Record<ScalarTypeName, fc.Arbitrary<Item>> = {
  u8: fc.integer({ min: 0, max: 0xff }),
  i8: fc.integer({ min: -0x80, max: 0x7f }),
  u16: fc.integer({ min: 0, max: 0xffff }),
  i16: fc.integer({ min: -0x8000, max: 0x7fff }),
  u32: fc.integer({ min: 0, max: 0xffffffff }),
  i32: fc.integer(),
  f32: fc.float(),
  bool: fc.boolean(),
  // The oracle's TextDecoder takes a byte order mark for no part of the text.
  string: fc.string({ unit: "grapheme" }).filter((text) => !text.startsWith("\ufeff")),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f64: fc.double(),
};

const scalarTypes: readonly ScalarTypeName[] = [
  ...(["u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "u64", "i64", "f64"] as const),
];

const value: fc.Arbitrary<TypedValue> = fc.constantFrom(...scalarTypes).chain((type) =>
  fc.oneof(
    SCALARS[type].map((item) => ({ type, value: item })),
    fc.array(SCALARS[type], { maxLength: 40 }).map((items) => ({ type: "array" as const, of: type, value: items })),
  ),
);

const name = fc
  .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 40 })
  .filter((text) => !ORACLE_RESERVED_KEYS.has(text) && text !== "general.alignment");

const tensor: fc.Arbitrary<WriterTensor> = fc
  .record({
    name,
    type: fc.constantFrom(...GGML_TYPES.keys()),
    blocks: fc.integer({ min: 1, max: 40 }),
    rows: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 3 }),
  })
  .map(({ name, type, blocks, rows }) => ({
    name,
    type,
    shape: [blocks * (GGML_TYPES.get(type)?.blockElements ?? 1), ...rows],
  }));

const model: fc.Arbitrary<WriterModel> = fc
  .record({
    version: fc.constantFrom(2, 3),
    alignment: fc.constantFrom(undefined, 8, 16, 32, 64, 4096),
    keys: fc.uniqueArray(fc.tuple(name, value), { maxLength: 20, selector: ([key]) => key }),
    tensors: fc.uniqueArray(tensor, { maxLength: 20, selector: ({ name }) => name }),
  })
  .map(({ version, alignment, keys, tensors }) => ({
    version,
    tensors,
    metadata: alignment === undefined ? keys : [...keys, ["general.alignment", alignment] as const],
  }));

describe("the header reader on generated files", () => {
  it("reads them as the oracle does, however the bytes arrive", async () => {
    await fc.assert(
      fc.asyncProperty(model, fc.integer({ min: 1, max: 5000 }), async (written, pieceBytes) => {
        const head = writeGguf(written);
        const fileBytes = ggufFileBytes(written);
        const { result } = parseBytes(head, fileBytes, pieceBytes);
        assert.ok(result.ok, result.ok ? "" : result.error);
        assertSameAsOracle(result.value, await readWithOracle(head, fileBytes));
      }),
    );
  });

  it("refuses each of them one byte short", () => {
    fc.assert(
      fc.property(model, (written) => {
        const tensors = written.tensors ?? [];
        fc.pre(tensors.length > 0);
        const last = { ...written, tensors: [...tensors, { name: "last tensor", shape: [64] }] };
        const { result } = parseBytes(writeGguf(last), ggufFileBytes(last) - 1);
        // 64 F32 elements fill every alignment up to 256 bytes; above, the missing byte may be padding.
        fc.pre(ggufFileBytes(last) - writeGguf(last).length > 0 && alignmentAtMost(last, 256));
        assert.ok(
          !result.ok && /^tensor "last tensor" ends at byte \d+, but the file has \d+ bytes/.test(result.error),
        );
      }),
    );
  });
});

function alignmentAtMost({ metadata = [] }: WriterModel, limit: number): boolean {
  const pairs = Array.isArray(metadata) ? metadata : Object.entries(metadata);
  return pairs.every(([key, alignment]) => key !== "general.alignment" || alignment <= limit);
}

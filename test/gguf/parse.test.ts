import assert from "node:assert/strict";
import type { GgufValue } from "../../gguf/header.ts";
import { parseHeader } from "../../gguf/parse.ts";
import { type WriterModel, type WriterTensor, type WriterValue, writeGguf } from "../support/gguf-writer.ts";
import { parseBytes } from "./parse-bytes.ts";

function refusalOf(head: Uint8Array, fileBytes = head.length): string {
  const { result } = parseBytes(head, fileBytes);
  assert.ok(!result.ok, "it was accepted");
  return result.error;
}

/** A file with one key, then the given bytes as value type and value, then enough room for a hostile claim to need. */
function withRawValue(...words: readonly (number | bigint)[]): Buffer {
  const head = writeGguf({ claims: { keys: 1n } }).subarray(0, 24);
  const key = Buffer.from("\u0001\0\0\0\0\0\0\0k");
  const value = words.map((word) => {
    const bytes = Buffer.alloc(typeof word === "bigint" ? 8 : 4);
    typeof word === "bigint" ? bytes.writeBigUInt64LE(word) : bytes.writeUInt32LE(word);
    return bytes;
  });
  return Buffer.concat([head, key, ...value, Buffer.alloc(80)]).subarray(0, 80);
}

const STRING = 8;
const ARRAY = 9;

describe("parseHeader", () => {
  it("keeps what memory arithmetic reads and counts what it does not", () => {
    const values: Record<string, readonly [written: WriterValue, read: GgufValue]> = {
      text: ["llama", "llama"],
      empty: ["", ""],
      unicode: ["模型 ✓", "模型 ✓"],
      flag: [true, true],
      count: [32, 32],
      negative: [-1, -1],
      fraction: [0.5, 0.5],
      exact: [{ type: "u64", value: 2n ** 53n - 1n }, 2 ** 53 - 1],
      huge: [
        { type: "u64", value: 2n ** 53n },
        { kind: "huge-integer", value: 2n ** 53n },
      ],
      hugeNegative: [
        { type: "i64", value: -(2n ** 60n) },
        { kind: "huge-integer", value: -(2n ** 60n) },
      ],
      nan: [{ type: "f32", value: Number.NaN }, Number.NaN],
      heads: [
        [8, 0, 8],
        [8, 0, 8],
      ],
      pattern: [
        [true, false],
        [true, false],
      ],
      none: [[], []],
      hugeItems: [
        { type: "array", of: "i64", value: [1n, 2n ** 60n] },
        { kind: "skipped-array", length: 2 },
      ],
      tokens: [["<s>", "", "a"], { kind: "skipped-array", length: 3 }],
      scores: [
        { type: "array", of: "f32", value: Array.from({ length: 4097 }, () => 1) },
        { kind: "skipped-array", length: 4097 },
      ],
      template: ["x".repeat(2 ** 16), "x".repeat(2 ** 16)],
      tokenizer: ["x".repeat(2 ** 16 + 1), { kind: "skipped-string", bytes: 2 ** 16 + 1 }],
    };
    const metadata = Object.entries(values).map(([key, [written]]) => [key, written] as const);
    const { result } = parseBytes(writeGguf({ metadata, version: 2 }));
    assert.ok(result.ok, result.ok ? "" : result.error);
    assert.deepEqual(
      [...result.value.metadata],
      Object.entries(values).map(([key, [, read]]) => [key, read]),
    );
    assert.equal(result.value.version, 2);
  });

  it("reads the same however the bytes arrive, and never asks for a byte twice", () => {
    const model: WriterModel = {
      metadata: {
        "general.architecture": "gemma3",
        "general.alignment": 64,
        tokens: Array.from({ length: 300 }, (_, index) => "t".repeat(index)),
        scores: Array.from({ length: 5000 }, (_, index) => index + 0.5),
        heads: Array.from({ length: 62 }, (_, index) => index),
      },
      tensors: [
        { name: "token_embd.weight", shape: [256, 8], type: 12 },
        { name: "output_norm.weight", shape: [3] },
        { name: "output.weight", shape: [32, 2], type: 8 },
      ],
    };
    const head = writeGguf(model);
    const fileBytes = head.length + 2 * 64 * 18 + 64 + 128;
    const whole = parseBytes(head, fileBytes);
    assert.ok(whole.result.ok, whole.result.ok ? "" : whole.result.error);
    for (const pieceBytes of [1, 2, 3, 7, 8, 9, 31, 100, 1000]) {
      const { result, requests } = parseBytes(head, fileBytes, pieceBytes);
      assert.deepEqual(result, whole.result);
      for (const [index, offset] of requests.entries()) {
        const next = requests[index + 1] ?? Number.POSITIVE_INFINITY;
        assert.ok(offset + Math.min(pieceBytes, fileBytes - offset) <= next);
      }
    }
    assert.equal(whole.result.value.dataOffset % 64, 0);
  });

  it("does not have long arrays read", () => {
    const scores: WriterValue = { type: "array", of: "f32", value: Array.from({ length: 100_000 }, () => 1) };
    const { result, requests } = parseBytes(writeGguf({ metadata: { scores, after: 7 } }), undefined, 1024);
    assert.ok(result.ok);
    assert.equal(result.value.metadata.get("after"), 7);
    assert.equal(requests.length, 2);
  });

  describe("refuses in one sentence", () => {
    const big = 2 ** 40;
    const twoKeys: WriterModel["metadata"] = [
      ["llama.block_count", 1],
      ["llama.block_count", 2],
    ];
    const manyNumbers: WriterValue = { type: "array", of: "u8", value: Array.from({ length: 4096 }, () => 1) };
    const tensor = (fields: Partial<WriterTensor>): WriterModel => ({
      tensors: [{ name: "w", shape: [256], ...fields }],
    });
    const cases: ReadonlyArray<readonly [what: string, head: Uint8Array, reason: RegExp, fileBytes?: number]> = [
      ["an empty file", Buffer.alloc(0), /^the file is empty \(0 bytes\)$/],
      ["three bytes", Buffer.from("GGU"), /^not a GGUF file: it has only 3 bytes$/],
      ["a web page", Buffer.from("<!DOCTYPE html>"), /^not a GGUF file: it is a web page: take the address/],
      ["a terminal escape", Buffer.from("\u001b[2J"), /begins with "�\[2J"/],
      ["the magic alone", Buffer.from("GGUF"), /^the file ends at byte 4, inside the preamble: it is truncated/],
      ["half a preamble", writeGguf({}).subarray(0, 20), /^the file ends at byte 20, inside the preamble/],
      ["version 1", writeGguf({ version: 1 }), /^GGUF version 1 is no longer read by llama.cpp: convert/],
      ["version 0", writeGguf({ version: 0 }), /^GGUF version 0 is not known here: versions 2 and 3 are$/],
      ["version 4", writeGguf({ version: 4 }), /^GGUF version 4 is not known here/],
      ["big-endian", writeGguf({ version: 0x03000000 }), /^the file is big-endian GGUF/],
      [
        "2^60 tensors",
        writeGguf({ claims: { tensors: 2n ** 60n } }),
        /claims 1152921504606846976 tensors and 0 keys/,
        big,
      ],
      ["2^64-1 keys", writeGguf({ claims: { keys: 2n ** 64n - 1n } }), /0 tensors and 18446744073709551615 keys/, big],
      [
        "more keys than fit",
        writeGguf({ claims: { keys: 3n } }),
        /claims 0 tensors and 3 keys, more than a file of 62 /,
        62,
      ],
      [
        "a key cut off",
        writeGguf({ metadata: { "general.name": "llama" } }).subarray(0, 40),
        /inside key 1 of 1: it is tr/,
      ],
      [
        "a value cut off",
        writeGguf({ metadata: { k: "llama" } }).subarray(0, 47),
        /claims 5 bytes of text, but only 2 /,
      ],
      ["an array cut off", writeGguf({ metadata: { k: [1, 2] } }).subarray(0, 55), /claims 2 array items, but only 6 /],
      [
        "tokens cut off",
        writeGguf({ metadata: { k: ["abc", "d"] } }).subarray(0, 66),
        /ends at byte 66, inside key "k"/,
      ],
      [
        "a key of 64 KiB + 1",
        writeGguf({ metadata: { ["k".repeat(65537)]: 1 } }),
        /has a name of 65537 bytes: at most 65536/,
      ],
      ["a value type that is not", withRawValue(13, 0n), /^key "k" has value type 13: GGUF has types 0 to 12$/],
      ["an item type that is not", withRawValue(ARRAY, 77, 1n), /^key "k" has value type 77/],
      [
        "2^60 strings",
        withRawValue(ARRAY, STRING, 2n ** 60n),
        /^key "k" claims 1152921504606846976 strings, but only/,
        big,
      ],
      ["2^61 numbers", withRawValue(ARRAY, 12, 2n ** 61n), /^key "k" claims 2305843009213693952 array items/, big],
      [
        "a string of 2^63 bytes",
        withRawValue(STRING, 2n ** 63n),
        /^key "k" claims 9223372036854775808 bytes of text/,
        big,
      ],
      [
        "a token of 2^40 bytes",
        withRawValue(ARRAY, STRING, 1n, 2n ** 40n),
        /^key "k" holds a string of more than 4 GiB$/,
      ],
      ["a token past the end", withRawValue(ARRAY, STRING, 1n, 1000n), /^the file ends at byte 80, inside key "k"/],
      ["arrays of arrays", withRawValue(ARRAY, ARRAY, 1n, ARRAY, 1n, ARRAY), /^key "k" is an array of arrays, which/],
      ["a text of 100 MB", withRawValue(STRING, 100_000_000n), /^the header is longer than 64 MiB at key "k"/, big],
      [
        "10^9 empty tokens",
        withRawValue(ARRAY, STRING, 10n ** 9n),
        /^the header is longer than 64 MiB at key "k"/,
        big,
      ],
      ["a key twice", writeGguf({ metadata: twoKeys }), /^key "llama.block_count" appears twice/],
      [
        "alignment 0",
        writeGguf({ metadata: { "general.alignment": 0 } }),
        /^key "general.alignment" is "0": a power of two/,
      ],
      [
        "alignment 4",
        writeGguf({ metadata: { "general.alignment": 4 } }),
        /"general.alignment" is "4": a power of two from 8/,
      ],
      ["alignment 48", writeGguf({ metadata: { "general.alignment": 48 } }), /"general.alignment" is "48"/],
      ["alignment 2^31", writeGguf({ metadata: { "general.alignment": 2 ** 31 }, alignment: 32 }), /is "2147483648"/],
      ["a text as alignment", writeGguf({ metadata: { "general.alignment": "32" } }), /"general.alignment" is "32"/],
      ["an array as alignment", writeGguf({ metadata: { "general.alignment": [32] } }), /is no plain number/],
      ["a tensor cut off", writeGguf(tensor({})).subarray(0, 50), /^the file ends at byte 50, inside tensor "w"/],
      [
        "a long tensor name",
        writeGguf(tensor({ name: "w".repeat(64) })),
        /tensor 1 of 1 has a name of 64 bytes: at most 63/,
      ],
      [
        "5 dimensions",
        writeGguf(tensor({ shape: [1, 1, 1, 1, 1] })),
        /^tensor "w" has 5 dimensions: ggml has at most 4$/,
      ],
      ["no elements", writeGguf(tensor({ shape: [256, 0] })), /^tensor "w" has a dimension of 0: 1 to 2\^53 - 1/, big],
      ["a huge dimension", writeGguf(tensor({ shape: [2 ** 60] })), /has a dimension of 1152921504606846976/, big],
      [
        "a huge product",
        writeGguf(tensor({ shape: [2 ** 40, 2 ** 40] })),
        /has shape 1099511627776 x 1099511627776, more/,
        big,
      ],
      ["a removed type", writeGguf(tensor({ type: 31 })), /^tensor "w" has type 31, which ggml has removed/, big],
      ["an unknown type", writeGguf(tensor({ type: 999 })), /^tensor "w" has type 999, which is not a ggml type/, big],
      [
        "a broken block",
        writeGguf(tensor({ shape: [100], type: 12 })),
        /rows of 100 elements, not a multiple of the 256/,
        big,
      ],
      [
        "an unaligned offset",
        writeGguf(tensor({ offset: 8 })),
        /begins at byte 8 of the data, not a multiple of the al/,
        big,
      ],
      [
        "an offset of 2^63",
        writeGguf(tensor({ offset: 2n ** 63n })),
        /begins at byte 9223372036854775808 of the data/,
        big,
      ],
      [
        "data past the end",
        writeGguf(tensor({ offset: 1024 })),
        /^tensor "w" ends at byte 2112, but the file has 2111 /,
        2111,
      ],
    ];
    for (const [what, head, reason, fileBytes] of cases) {
      it(what, () => assert.match(refusalOf(head, fileBytes), reason));
    }

    it("a file cut anywhere", () => {
      const model: WriterModel = {
        metadata: { name: "llama", heads: [1, 2], tokens: ["a", "", "bc"], "general.alignment": 8, text: "x" },
      };
      const head = writeGguf(model);
      const cut = head.subarray(0, head.lastIndexOf("x") + 1);
      assert.ok(parseBytes(cut).result.ok);
      for (let length = 0; length < cut.length; length += 1) {
        assert.match(refusalOf(cut.subarray(0, length)), /truncated|are left|more than a file of|not a GGUF|empty/);
      }
    });

    it("a tensor twice", () => {
      const tensors = [1, 2].map(() => ({ name: "output.weight", shape: [8] }));
      assert.match(refusalOf(writeGguf({ tensors }), big), /^tensor "output.weight" appears twice/);
    });

    it("tensors that share bytes", () => {
      const tensors = [
        { name: "a", shape: [64] },
        { name: "b", shape: [64], offset: 224 },
      ];
      assert.match(refusalOf(writeGguf({ tensors }), big), /^tensors "a" and "b" share bytes of the file/);
    });

    it("a header that would fill memory", () => {
      const metadata = Array.from({ length: 1000 }, (_, index) => [`k${index}`, manyNumbers] as const);
      assert.match(
        refusalOf(writeGguf({ metadata })),
        /^the header holds more keys, values and tensors than any model/,
      );
    });

    it("a file that ends before its size", () => {
      const parser = parseHeader(1000);
      parser.next();
      parser.next(writeGguf({ metadata: { k: "llama" } }).subarray(0, 40));
      const { value } = parser.next(new Uint8Array());
      assert.ok("ok" in value && !value.ok);
      assert.match(value.error, /^the file ends inside key "k", before the 1000 bytes it is said to have$/);
    });
  });

  it("accepts gaps between tensors and a file without any", () => {
    const tensors = [
      { name: "a", shape: [8] },
      { name: "b", shape: [8], offset: 4096 },
    ];
    const gap = parseBytes(writeGguf({ tensors }), 10_000).result;
    assert.ok(gap.ok, gap.ok ? "" : gap.error);
    assert.ok(parseBytes(writeGguf({}).subarray(0, 24)).result.ok);
  });
});

import assert from "node:assert/strict";
import { GGUFValueType, gguf, type MetadataValue } from "@huggingface/gguf";
import { type GgufHeader, type GgufValue, MAX_DECODED_ITEMS, MAX_DECODED_TEXT_BYTES } from "../../gguf/header.ts";

/** Keys that the oracle keeps for itself, or that its plain object cannot hold. */
export const ORACLE_RESERVED_KEYS: ReadonlySet<string> = new Set(["version", "tensor_count", "kv_count", "__proto__"]);

interface OracleEntry {
  readonly value: MetadataValue | undefined;
  readonly subType?: GGUFValueType;
}

type OracleHeader = Awaited<ReturnType<typeof readWithOracle>>;

/** What @huggingface/gguf makes of the head of a file of `fileBytes` bytes, zeros beyond. */
export async function readWithOracle(head: Uint8Array, fileBytes: number) {
  const fetchRange: typeof fetch = async (_url, init) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get("range") ?? "");
    const begin = Number(range?.[1]);
    const body = new Uint8Array(Math.max(0, Math.min(Number(range?.[2]) + 1, fileBytes) - begin));
    body.set(head.subarray(begin, begin + body.length));
    return new Response(body, { status: 206, headers: { "content-range": `bytes ${begin}-*/${fileBytes}` } });
  };
  return await gguf("https://oracle.invalid/model.gguf", { typedMetadata: true, fetch: fetchRange });
}

/** Same keys and values, same tensors, same data offset. */
export function assertSameAsOracle(header: GgufHeader, oracle: OracleHeader): void {
  const entries: [string, OracleEntry][] = Object.entries(oracle.typedMetadata);
  const expected = entries
    .filter(([key]) => !ORACLE_RESERVED_KEYS.has(key))
    .map(([key, { value, subType }]) => [key, expectedValue(value, subType)] as const);
  assert.deepEqual(header.metadata, new Map(expected));
  assert.equal(header.version, oracle.metadata.version);
  const tensors = oracle.tensorInfos.map((tensor) => ({
    name: tensor.name,
    shape: tensor.shape.map(Number),
    type: tensor.dtype,
    offset: Number(tensor.offset),
  }));
  assert.deepEqual(header.tensors, tensors);
  assert.equal(header.dataOffset, Number(oracle.tensorDataOffset));
}

function expectedValue(value: MetadataValue | undefined, itemType: GGUFValueType | undefined): GgufValue {
  assert.ok(value !== undefined);
  if (Array.isArray(value)) return expectedArray(value, itemType);
  if (typeof value === "string") {
    const bytes = Buffer.byteLength(value);
    return bytes > MAX_DECODED_TEXT_BYTES ? { kind: "skipped-string", bytes } : value;
  }
  if (typeof value === "bigint" && !Number.isSafeInteger(Number(value))) return { kind: "huge-integer", value };
  return typeof value === "bigint" ? Number(value) : value;
}

function expectedArray(items: readonly MetadataValue[], itemType: GGUFValueType | undefined): GgufValue {
  const inexact = items.some((item) => typeof item === "bigint" && !Number.isSafeInteger(Number(item)));
  if (itemType === GGUFValueType.STRING || items.length > MAX_DECODED_ITEMS || inexact) {
    return { kind: "skipped-array", length: items.length };
  }
  return itemType === GGUFValueType.BOOL ? items.map(Boolean) : items.map(Number);
}

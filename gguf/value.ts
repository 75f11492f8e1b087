import { refuse } from "../fetch/refusal.ts";
import type { Reading } from "./byte-source.ts";
import type { Cursor } from "./cursor.ts";
import { type GgufValue, MAX_DECODED_ITEMS, MAX_DECODED_TEXT_BYTES } from "./header.ts";

type Scalar = number | bigint | boolean;

/** The two value types of the GGUF specification that are not in {@link SCALARS}. */
const STRING = 8;
const ARRAY = 9;

interface ScalarType {
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => Scalar;
}

/** Value types of the GGUF specification, by id. Any byte but 0 is true, as for llama.cpp. */
const SCALARS: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [0, { bytes: 1, read: (view, at) => view.getUint8(at) }],
  [1, { bytes: 1, read: (view, at) => view.getInt8(at) }],
  [2, { bytes: 2, read: (view, at) => view.getUint16(at, true) }],
  [3, { bytes: 2, read: (view, at) => view.getInt16(at, true) }],
  [4, { bytes: 4, read: (view, at) => view.getUint32(at, true) }],
  [5, { bytes: 4, read: (view, at) => view.getInt32(at, true) }],
  [6, { bytes: 4, read: (view, at) => view.getFloat32(at, true) }],
  [7, { bytes: 1, read: (view, at) => view.getUint8(at) !== 0 }],
  [10, { bytes: 8, read: (view, at) => view.getBigUint64(at, true) }],
  [11, { bytes: 8, read: (view, at) => view.getBigInt64(at, true) }],
  [12, { bytes: 8, read: (view, at) => view.getFloat64(at, true) }],
]);

/** What is likely to come after a table of `count` strings of so many bytes on average, in bytes. */
export type Beyond = (count: number, averageBytes: number) => number;

/** A key's value: its type, then what the type says. */
export function* readValue(cursor: Cursor, beyond: Beyond): Reading<GgufValue> {
  yield* cursor.need(4);
  const type = cursor.u32();
  if (type === STRING) return yield* readTextValue(cursor);
  if (type === ARRAY) return yield* readArray(cursor, beyond);
  const scalar = scalarType(cursor, type);
  yield* cursor.need(scalar.bytes);
  const value = cursor.scalar(scalar.bytes, scalar.read);
  if (typeof value !== "bigint") return value;
  return isExact(value) ? Number(value) : { kind: "huge-integer", value };
}

/** A text of at most `limit` bytes; `what` names it in the refusal. */
export function* readText(cursor: Cursor, limit: number, what: string): Reading<string> {
  yield* cursor.need(8);
  const length = cursor.u64();
  if (length > BigInt(limit)) refuse(`${cursor.subject} has ${what} of ${length} bytes: at most ${limit} are possible`);
  return yield* takeText(cursor, Number(length));
}

function* readTextValue(cursor: Cursor): Reading<GgufValue> {
  yield* cursor.need(8);
  const bytes = cursor.count(cursor.u64(), 1, "bytes of text");
  if (bytes <= MAX_DECODED_TEXT_BYTES) return yield* takeText(cursor, bytes);
  cursor.skip(bytes);
  return { kind: "skipped-string", bytes };
}

function* takeText(cursor: Cursor, bytes: number): Reading<string> {
  yield* cursor.need(bytes);
  cursor.keep(bytes);
  return cursor.text(bytes);
}

function* readArray(cursor: Cursor, beyond: Beyond): Reading<GgufValue> {
  yield* cursor.need(12);
  const itemType = cursor.u32();
  const claimed = cursor.u64();
  if (itemType === ARRAY) refuse(`${cursor.subject} is an array of arrays, which llama.cpp does not read`);
  if (itemType === STRING) {
    const length = cursor.count(claimed, 8, "strings");
    yield* cursor.skipStrings(length, (average) => beyond(length, average));
    return { kind: "skipped-array", length };
  }
  const scalar = scalarType(cursor, itemType);
  const length = cursor.count(claimed, scalar.bytes, "array items");
  if (length > MAX_DECODED_ITEMS) {
    cursor.skip(length * scalar.bytes);
    return { kind: "skipped-array", length };
  }
  return yield* readItems(cursor, scalar, length);
}

function* readItems(cursor: Cursor, scalar: ScalarType, length: number): Reading<GgufValue> {
  yield* cursor.need(length * scalar.bytes);
  cursor.keep(length * 8);
  const items = Array.from({ length }, () => cursor.scalar(scalar.bytes, scalar.read));
  if (items.every((item) => typeof item === "boolean")) return items;
  const exact = items.every((item) => typeof item !== "bigint" || isExact(item));
  return exact ? items.map(Number) : { kind: "skipped-array", length };
}

function scalarType(cursor: Cursor, id: number): ScalarType {
  return SCALARS.get(id) ?? refuse(`${cursor.subject} has value type ${id}: GGUF has types 0 to 12`);
}

function isExact(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

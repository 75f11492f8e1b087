import { truncate, writeFile } from "node:fs/promises";
import { GGML_TYPES, tensorBytes } from "../../gguf/tensor-types.ts";

/** Value types of the GGUF specification and their ids. */
const VALUE_TYPES = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

export type ScalarTypeName = Exclude<keyof typeof VALUE_TYPES, "array">;
export type Item = number | bigint | boolean | string;

/** A value whose stored type matters: `{ type: "u64", value: 7n }`, `{ type: "array", of: "i32", value: [1, 2] }`. */
export type TypedValue =
  | { readonly type: ScalarTypeName; readonly value: Item }
  | { readonly type: "array"; readonly of: ScalarTypeName; readonly value: readonly Item[] };

/**
 * Plain values are stored as convert scripts do: texts as string, booleans as bool, whole numbers as u32 (negative: i32,
 * large: u64), others as f32; arrays by their first item, and an empty one as an array of i32.
 */
export type WriterValue = Item | readonly Item[] | TypedValue;

export interface WriterTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** ggml type id; default 0 (F32). */
  readonly type?: number;
  /** Default: right after the tensor before, aligned. */
  readonly offset?: number | bigint;
}

export interface WriterModel {
  readonly metadata?: Readonly<Record<string, WriterValue>> | readonly (readonly [string, WriterValue])[];
  readonly tensors?: readonly WriterTensor[];
  /** Default 3. */
  readonly version?: number;
  /** Default: `general.alignment` where it is a number in `metadata`, else 32. */
  readonly alignment?: number;
  /** What the preamble claims, where it should lie. */
  readonly claims?: { readonly tensors?: bigint; readonly keys?: bigint };
}

/** The head of a GGUF file, padded to where tensor data begins. Bad values are written as they are asked for. */
export function writeGguf(model: WriterModel): Buffer {
  const keys = keysOf(model);
  const tensors = model.tensors ?? [];
  const alignment = alignmentOf(model);
  const parts = [
    Buffer.from("GGUF"),
    scalar("u32", model.version ?? 3),
    scalar("u64", model.claims?.tensors ?? BigInt(tensors.length)),
    scalar("u64", model.claims?.keys ?? BigInt(keys.length)),
    ...keys.flatMap(([key, value]) => [scalar("string", key), ...typed(value)]),
  ];
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(
      scalar("string", tensor.name),
      scalar("u32", tensor.shape.length),
      ...tensor.shape.map((dimension) => scalar("u64", dimension)),
      scalar("u32", tensor.type ?? 0),
      scalar("u64", tensor.offset ?? offset),
    );
    offset += padded(dataBytes(tensor), alignment);
  }
  const head = Buffer.concat(parts);
  return Buffer.concat([head], padded(head.length, alignment));
}

/** Size of the whole file that `writeGguf(model)` is the head of, tensor data included. */
export function ggufFileBytes(model: WriterModel): number {
  const alignment = alignmentOf(model);
  const data = (model.tensors ?? []).map((tensor) => padded(dataBytes(tensor), alignment));
  return data.reduce((sum, bytes) => sum + bytes, writeGguf(model).length);
}

/** Writes the whole file; its tensor data are a hole, so that gigabytes cost nothing. */
export async function writeGgufFile(path: string, model: WriterModel): Promise<void> {
  await writeSparse(path, writeGguf(model), ggufFileBytes(model));
}

/** A file of `fileBytes` bytes that begins with `head` and is a hole beyond. */
export async function writeSparse(path: string, head: Uint8Array, fileBytes: number): Promise<void> {
  await writeFile(path, head);
  await truncate(path, fileBytes);
}

function keysOf({ metadata = {} }: WriterModel): readonly (readonly [string, WriterValue])[] {
  return isList(metadata) ? metadata : Object.entries(metadata);
}

function isList<T>(value: T): value is T & readonly (readonly [string, WriterValue])[] {
  return Array.isArray(value);
}

function alignmentOf(model: WriterModel): number {
  const declared = keysOf(model).find(([key]) => key === "general.alignment")?.[1];
  return model.alignment ?? (typeof declared === "number" && declared > 0 ? declared : 32);
}

/** 0 for types and shapes that have no size: such tensors are written for readers that must refuse them. */
function dataBytes(tensor: WriterTensor): number {
  const type = tensor.type ?? 0;
  if (!GGML_TYPES.has(type)) return 0;
  const size = tensorBytes({ name: tensor.name, shape: tensor.shape, type, offset: 0 });
  return size.ok ? size.value : 0;
}

function padded(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function typed(value: WriterValue): Buffer[] {
  const stored = isTyped(value) ? value : inferred(value);
  if (stored.type !== "array") return [scalar("u32", VALUE_TYPES[stored.type]), scalar(stored.type, stored.value)];
  const count = scalar("u64", stored.value.length);
  return [
    scalar("u32", VALUE_TYPES.array),
    scalar("u32", VALUE_TYPES[stored.of]),
    count,
    items(stored.of, stored.value),
  ];
}

function isTyped(value: WriterValue): value is TypedValue {
  return typeof value === "object" && "type" in value;
}

function inferred(value: Item | readonly Item[]): TypedValue {
  if (typeof value !== "object") return { type: itemType(value), value };
  return { type: "array", of: value[0] === undefined ? "i32" : itemType(value[0]), value };
}

function itemType(value: Item): ScalarTypeName {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (!Number.isInteger(Number(value))) return "f32";
  if (value < 0) return "i32";
  return value < 2 ** 32 ? "u32" : "u64";
}

function scalar(type: ScalarTypeName, value: Item): Buffer {
  return items(type, [value]);
}

function items(type: ScalarTypeName, values: readonly Item[]): Buffer {
  if (type === "string") return Buffer.concat(values.flatMap(textWithLength));
  const bytes = Buffer.alloc(8 * values.length);
  const write = WRITERS[type];
  const end = values.reduce<number>((at, value) => write(bytes, value, at), 0);
  return bytes.subarray(0, end);
}

function textWithLength(value: Item): Buffer[] {
  const text = Buffer.from(String(value));
  return [scalar("u64", text.length), text];
}

/** Each puts a number at `at` and returns where the next one goes. */
const WRITERS: Record<Exclude<ScalarTypeName, "string">, (bytes: Buffer, value: Item, at: number) => number> = {
  u8: (bytes, value, at) => bytes.writeUInt8(Number(value), at),
  i8: (bytes, value, at) => bytes.writeInt8(Number(value), at),
  u16: (bytes, value, at) => bytes.writeUInt16LE(Number(value), at),
  i16: (bytes, value, at) => bytes.writeInt16LE(Number(value), at),
  u32: (bytes, value, at) => bytes.writeUInt32LE(Number(value), at),
  i32: (bytes, value, at) => bytes.writeInt32LE(Number(value), at),
  f32: (bytes, value, at) => bytes.writeFloatLE(Number(value), at),
  bool: (bytes, value, at) => bytes.writeUInt8(Number(value), at),
  u64: (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at),
  i64: (bytes, value, at) => bytes.writeBigInt64LE(BigInt(value), at),
  f64: (bytes, value, at) => bytes.writeDoubleLE(Number(value), at),
};

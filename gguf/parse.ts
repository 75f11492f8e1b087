import { quoted } from "../api/plain-text.ts";
import { ok, type Result } from "../api/result.ts";
import { failureOf, Refusal, refuse } from "../fetch/refusal.ts";
import type { Reading } from "./byte-source.ts";
import { Cursor } from "./cursor.ts";
import { foreignFile, TELLING_BYTES } from "./foreign-file.ts";
import type { GgufHeader, GgufTensor, GgufValue } from "./header.ts";
import { alignmentOf, checkLayout } from "./layout.ts";
import { beyondTable } from "./size-hint.ts";
import { readText, readValue } from "./value.ts";

const PREAMBLE_BYTES = 24;
/** Name length, value type and a one-byte value. */
const SMALLEST_KEY_BYTES = 13;
/** Name length, dimension count, type and offset. */
const SMALLEST_TENSOR_BYTES = 24;

const MAX_KEY_BYTES = 64 * 2 ** 10;
/** GGML_MAX_NAME of ggml.h, less the terminating zero. */
const MAX_TENSOR_NAME_BYTES = 63;
/** GGML_MAX_DIMS of ggml.h. */
const MAX_DIMENSIONS = 4;

/** What an entry costs in memory beside its texts, roughly, with the copies that a garbage collector makes of what stays. */
const KEY_OVERHEAD_BYTES = 208;
const TENSOR_OVERHEAD_BYTES = 416;

/**
 * Reads the header of a GGUF file of `fileBytes` bytes without ever holding more of it than one piece: each `yield` asks
 * for bytes, `next(bytes)` answers. Understands little-endian GGUF v2 and v3 and refuses what llama.cpp refuses: other
 * versions, duplicate keys or tensors, arrays of arrays, unknown types, tensor data beyond the end of the file. The error
 * is one clause without the source's name. Time and memory are bounded whatever the bytes say.
 */
export function* parseHeader(fileBytes: number): Reading<Result<GgufHeader>> {
  try {
    return ok(yield* readFileHeader(new Cursor(fileBytes)));
  } catch (error) {
    if (error instanceof Refusal) return failureOf(error);
    throw error;
  }
}

function* readFileHeader(cursor: Cursor): Reading<GgufHeader> {
  const version = yield* readVersion(cursor);
  const counts = yield* readCounts(cursor);

  const metadata = new Map<string, GgufValue>();
  for (let index = 1; index <= counts.keys; index += 1) {
    cursor.enter("key", index, counts.keys);
    const key = yield* readText(cursor, MAX_KEY_BYTES, "a name");
    if (metadata.has(key)) refuse(`key ${quoted(key)} appears twice: the file is damaged or forged`);
    cursor.name(key);
    cursor.keep(KEY_OVERHEAD_BYTES);
    metadata.set(key, yield* readValue(cursor, beyondTable(key, metadata)));
  }

  const tensors: GgufTensor[] = [];
  const names = new Set<string>();
  for (let index = 1; index <= counts.tensors; index += 1) {
    cursor.enter("tensor", index, counts.tensors);
    const tensor = yield* readTensor(cursor);
    if (names.has(tensor.name)) refuse(`tensor ${quoted(tensor.name)} appears twice: the file is damaged or forged`);
    names.add(tensor.name);
    tensors.push(tensor);
  }

  const alignment = alignmentOf(metadata);
  const dataOffset = Math.ceil(cursor.position / alignment) * alignment;
  const header = { version, fileBytes: cursor.fileBytes, dataOffset, metadata, tensors };
  checkLayout(header, alignment);
  return header;
}

/** Magic and version. */
function* readVersion(cursor: Cursor): Reading<number> {
  if (cursor.fileBytes === 0) refuse("the file is empty (0 bytes)");
  if (cursor.fileBytes < 4) refuse(`not a GGUF file: it has only ${cursor.fileBytes} bytes`);
  yield* cursor.need(4);
  if (Buffer.from(cursor.peek(4)).toString("latin1") !== "GGUF") {
    const head = Math.min(TELLING_BYTES, cursor.fileBytes);
    yield* cursor.need(head);
    refuse(foreignFile(cursor.peek(head)));
  }
  cursor.skip(4);
  yield* cursor.need(4);
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  if (version === 1)
    refuse("GGUF version 1 is no longer read by llama.cpp: convert the model again (version 3)", "unsupported");
  // llama.cpp tells byte order the same way: a version is a small number.
  if ((version & 0xffff) === 0 && version !== 0) {
    refuse("the file is big-endian GGUF, which a Mac does not read: take the little-endian file", "unsupported");
  }
  return refuse(`GGUF version ${version} is not known here: versions 2 and 3 are`, "unsupported");
}

function* readCounts(cursor: Cursor): Reading<{ tensors: number; keys: number }> {
  yield* cursor.need(PREAMBLE_BYTES - cursor.position);
  const tensors = cursor.u64();
  const keys = cursor.u64();
  const needed = tensors * BigInt(SMALLEST_TENSOR_BYTES) + keys * BigInt(SMALLEST_KEY_BYTES);
  if (needed > BigInt(cursor.fileBytes - PREAMBLE_BYTES)) {
    refuse(
      `the preamble claims ${tensors} tensors and ${keys} keys, more than a file of ${cursor.fileBytes} bytes holds`,
    );
  }
  return { tensors: Number(tensors), keys: Number(keys) };
}

function* readTensor(cursor: Cursor): Reading<GgufTensor> {
  const name = yield* readText(cursor, MAX_TENSOR_NAME_BYTES, "a name");
  cursor.name(name);
  cursor.keep(TENSOR_OVERHEAD_BYTES);
  yield* cursor.need(4);
  const dimensions = cursor.u32();
  if (dimensions > MAX_DIMENSIONS) refuse(`${cursor.subject} has ${dimensions} dimensions: ggml has at most 4`);
  yield* cursor.need(8 * dimensions + 12);
  const shape = Array.from({ length: dimensions }, () => readDimension(cursor));
  const type = cursor.u32();
  const offset = cursor.u64();
  if (offset > BigInt(cursor.fileBytes)) {
    refuse(`${cursor.subject} begins at byte ${offset} of the data, but the file has ${cursor.fileBytes} bytes`);
  }
  return { name, shape, type, offset: Number(offset) };
}

function readDimension(cursor: Cursor): number {
  const dimension = cursor.u64();
  if (dimension === 0n || dimension > BigInt(Number.MAX_SAFE_INTEGER)) {
    refuse(`${cursor.subject} has a dimension of ${dimension}: 1 to 2^53 - 1 is possible`);
  }
  return Number(dimension);
}

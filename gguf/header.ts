/** A GGUF header, as far as memory arithmetic needs it. Token tables are counted, never decoded. */
export interface GgufHeader {
  /** GGUF version, 2 or 3. */
  readonly version: number;
  /** Size of the whole file in bytes, tensor data included; of a split model all its shards together. */
  readonly fileBytes: number;
  /** Where tensor data begins: bytes from the start of the file (of a split model: its first shard). */
  readonly dataOffset: number;
  /** Of a split model: the first shard's. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Of a split model: every shard's, in order. */
  readonly tensors: readonly GgufTensor[];
  /** Set where the header was read earlier, and its source could not be asked now whether the file has changed. */
  readonly unconfirmed?: Unconfirmed;
}

export interface Unconfirmed {
  /** When its source last said that the file is of this version: `2026-11-20`, in UTC. */
  readonly since: string;
  /** For a person: of which file, of which day, and why nobody could be asked. */
  readonly sentence: string;
}

/** Integers above 2^53 and what memory arithmetic never reads (token tables, long texts) are not materialised. */
export type GgufValue =
  | number
  | boolean
  | string
  | readonly number[]
  | readonly boolean[]
  | SkippedArray
  | SkippedString
  | HugeInteger;

/**
 * An array whose payload was walked over: strings (token tables), more than {@link MAX_DECODED_ITEMS} numbers, or
 * integers that a double cannot hold exactly.
 */
export interface SkippedArray {
  readonly kind: "skipped-array";
  readonly length: number;
}

/** A text above {@link MAX_DECODED_TEXT_BYTES} (an embedded tokenizer file), walked over. */
export interface SkippedString {
  readonly kind: "skipped-string";
  readonly bytes: number;
}

/** An integer that a double cannot hold exactly. */
export interface HugeInteger {
  readonly kind: "huge-integer";
  readonly value: bigint;
}

/** Longest numeric or boolean array that is decoded: above any block count in use. */
export const MAX_DECODED_ITEMS = 4096;

/** Longest text value that is decoded, in bytes: above the chat templates in use. */
export const MAX_DECODED_TEXT_BYTES = 64 * 2 ** 10;

export interface GgufTensor {
  readonly name: string;
  /** Elements per dimension, innermost first. */
  readonly shape: readonly number[];
  /** ggml type id as stored (12 = Q4_K), one of those in types.ts. */
  readonly type: number;
  /** Bytes from the data offset of the file that holds it. */
  readonly offset: number;
}

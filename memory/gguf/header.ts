/** A GGUF header, as far as memory arithmetic needs it. Token tables are counted, never decoded. */
export interface GgufHeader {
  /** GGUF version, 2 or 3. */
  readonly version: number;
  /** Size of the whole file in bytes, tensor data included. */
  readonly fileBytes: number;
  /** Where tensor data begins: bytes from the start of the file. */
  readonly dataOffset: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

/** Integers above 2^53 and arrays that memory arithmetic never reads are not materialised. */
export type GgufValue = number | boolean | string | readonly number[] | readonly boolean[] | SkippedArray | HugeInteger;

/** An array whose payload was walked over: strings (token tables), and numbers beyond {@link MAX_DECODED_ITEMS}. */
export interface SkippedArray {
  readonly kind: "skipped-array";
  readonly length: number;
}

/** An integer that a double cannot hold exactly. */
export interface HugeInteger {
  readonly kind: "huge-integer";
  readonly value: bigint;
}

/** Longest numeric or boolean array that is decoded: above any block count in use. */
export const MAX_DECODED_ITEMS = 4096;

export interface GgufTensor {
  readonly name: string;
  /** Elements per dimension, innermost first. */
  readonly shape: readonly number[];
  /** ggml type id as stored (12 = Q4_K); which ids exist is the estimator's business. */
  readonly type: number;
  /** Bytes from `dataOffset`. */
  readonly offset: number;
}

/** What the parser asks of a source: the bytes from `offset` on. Offsets only go forward. */
export interface ByteRequest {
  readonly offset: number;
  /** How many the parser cannot do without, at least 1; it asks again where it got fewer. */
  readonly atLeast: number;
}

/** A step of the parser: each `yield` asks for bytes, `next(bytes)` answers. */
export type Reading<T> = Generator<ByteRequest, T, Uint8Array>;

/** One file, read forward: on a disk or behind a URL. Bad input and failed reads are raised as a `Refusal`. */
export interface ByteSource {
  readonly fileBytes: number;
  /** Bytes from the requested offset on, at least one; none means that the file ends there. */
  read(request: ByteRequest): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What the parser asks for: the bytes from a file offset on. */
export interface Wanted {
  readonly offset: number;
  /** Where the header is likely to end, which a source may prepare for; undefined: no telling. */
  readonly likelyEnd: number | undefined;
}

/**
 * A step of the parser: each `yield` asks, `next(bytes)` answers with as many bytes as are at hand, at least one. Offsets
 * only go forward.
 */
export type Reading<T> = Generator<Wanted, T, Uint8Array>;

/** One file, read forward: on a disk or behind a URL. Bad input and failed reads are raised as a `Refusal`. */
export interface ByteSource {
  readonly fileBytes: number;
  /** Tells this version of the file from every other; undefined where nothing does. */
  readonly version: string | undefined;
  /** Bytes from the offset on, good until the next read: at least one; none means that the file ends there. */
  read(wanted: Wanted): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What opening gives where the file is still of the version that was read before. */
export type Opened = ByteSource | "unchanged";

/**
 * The outcome of reading something that crosses a trust border (manifest, header, HTTP answer, flag). A failure is a
 * value with a kind and one sentence for a person; it is never thrown.
 */
export type Result<T> = Success<T> | Failure;

export interface Success<T> {
  readonly ok: true;
  readonly value: T;
}

/** What a caller can do about a failure. */
export const FAILURE_KINDS = [
  /** What was given, or what came, is wrong. Another input helps. */
  "invalid",
  /** There is no such file. */
  "not-found",
  /** A token, a permission or an accepted licence is missing. */
  "unauthorised",
  /** It is sound, but this version or this machine cannot handle it. */
  "unsupported",
  /** A server asks to come back later. */
  "throttled",
  /** There is no usable answer now: no connection, a busy server, a disk that is away. It may pass by itself. */
  "unreachable",
  /** The disk is full. */
  "no-space",
  /** The work was cancelled, or something changed under it. */
  "interrupted",
  /** A fault of this program. */
  "internal",
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface Failure {
  readonly ok: false;
  readonly kind: FailureKind;
  /** One sentence: what was wrong, where, and what would be right. */
  readonly error: string;
  /** Milliseconds until another try makes sense, where a server said so. */
  readonly retryAfterMs?: number;
}

export function ok<T>(value: T): Success<T> {
  return { ok: true, value };
}

export function fail(error: string, kind: FailureKind = "invalid", retryAfterMs?: number): Failure {
  return { ok: false, kind, error, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** The same failure, which says where it happened: `where: error`. */
export function failIn(where: string, failure: Failure): Failure {
  return { ...failure, error: `${where}: ${failure.error}` };
}

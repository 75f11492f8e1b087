/**
 * The outcome of reading something that crosses a trust border (manifest, header, HTTP answer, flag):
 * a failure is a value with one sentence for a person, never an exception.
 */
export type Result<T> = Success<T> | Failure;

export interface Success<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Failure {
  readonly ok: false;
  /** One sentence: what was wrong, where, and what would be right. */
  readonly error: string;
}

export function ok<T>(value: T): Success<T> {
  return { ok: true, value };
}

export function fail(error: string): Failure {
  return { ok: false, error };
}

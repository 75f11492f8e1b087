/** What a scanner knows of a body so far. */
export type ScanState =
  /** The body goes on. `model`: what it has named already, if nothing that follows is wrong. */
  | { readonly kind: "more"; readonly model: string | undefined }
  /** The body is whole: this is the one model that it names, and whether the answer is to be streamed. */
  | { readonly kind: "found"; readonly model: string; readonly stream: boolean }
  /** It cannot be routed. `message` is one sentence for the client; it shows nothing of the body. */
  | { readonly kind: "wrong"; readonly message: string };

/**
 * Looks for `model` and `stream` in a body as its bytes come, and keeps no more than these. `found` is said only at the end of the
 * object or form, since a second `model` may stand last: a server takes the last of two, so that a key could get round its list of
 * models. Whoever passes bytes on before that (`more` with a `model`) gives each chunk to `take` first, and breaks the request off
 * when the scanner says `wrong`: a server acts on nothing before it has the whole body. After `wrong` every answer is the same `wrong`.
 */
export interface BodyScanner {
  /** The next bytes, cut anywhere. */
  readonly take: (chunk: Buffer) => ScanState;
  /** There are no more. It never says `more`. */
  readonly end: () => ScanState;
}

/** What a scanner has found; undefined: not yet. */
export interface Found {
  model: string | undefined;
  stream: boolean | undefined;
  /** Why it cannot be routed, as a sentence. Nothing is scanned after it. */
  problem: string | undefined;
}

/**
 * A scanner by what one kind of body needs.
 *
 * @param scan goes through the next bytes, and notes in `place` what it finds
 * @param unfinished what is wrong with a body that ends here, as a sentence; undefined once it is whole
 */
export function bodyScanner<Place extends Found>(
  place: Place,
  scan: (place: Place, chunk: Buffer) => void,
  unfinished: (place: Place) => string | undefined,
): BodyScanner {
  const verdict = (): ScanState => {
    const { problem = unfinished(place), model, stream = false } = place;
    if (problem === undefined && model !== undefined) return { kind: "found", model, stream };
    place.problem = problem ?? NO_MODEL;
    return { kind: "wrong", message: place.problem };
  };
  return {
    take: (chunk) => {
      scan(place, chunk);
      const isOver = place.problem !== undefined || unfinished(place) === undefined;
      return isOver ? verdict() : { kind: "more", model: place.model };
    },
    end: verdict,
  };
}

/** The longest name of a model, in bytes as the client spells it. */
export const MAX_MODEL_BYTES = 1024;

const NO_MODEL = 'the body names no model: give "model" the name of one that GET /v1/models lists';
export const EMPTY_MODEL = '"model" in the body is empty: give it the name of one that GET /v1/models lists';
export const LONG_MODEL = `"model" in the body is longer than ${MAX_MODEL_BYTES} bytes: give it the name of one that GET /v1/models lists`;

/** A key that stands twice. */
export function twice(name: string): string {
  return `the body has "${name}" twice: give it once`;
}

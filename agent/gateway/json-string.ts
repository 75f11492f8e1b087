/** Where a scan stands in a string of JSON, from one chunk to the next. */
export interface StringPlace {
  /** A backslash ended the last chunk: the first byte of the next one is escaped. */
  escaped: boolean;
  /** What may come after the string. */
  afterString: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Up to here a loop is faster than a call of `indexOf`. */
const NEAR = 64;

/** Where the quote stands that ends the string that `chunk` is in at `from`; -1 if it goes on in the next chunk. */
export function closingQuote(place: StringPlace, chunk: Buffer, from: number): number {
  let at = place.escaped ? from + 1 : from;
  place.escaped = false;
  for (;;) {
    const near = Math.min(chunk.length, at + NEAR);
    while (at < near) {
      const byte = chunk[at];
      if (byte === QUOTE) return at;
      at += byte === BACKSLASH ? 2 : 1;
    }
    if (at >= chunk.length) {
      place.escaped = at > chunk.length;
      return -1;
    }
    const quote = chunk.indexOf(QUOTE, at);
    const end = quote < 0 ? chunk.length : quote;
    const isEscaped = isOdd(backslashesBefore(chunk, at, end));
    if (quote < 0) {
      place.escaped = isEscaped;
      return -1;
    }
    if (!isEscaped) return quote;
    at = quote + 1;
  }
}

function backslashesBefore(chunk: Buffer, from: number, to: number): number {
  let at = to;
  while (at > from && chunk[at - 1] === BACKSLASH) at -= 1;
  return to - at;
}

function isOdd(count: number): boolean {
  return count % 2 === 1;
}

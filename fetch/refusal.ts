/**
 * Raised inside the reader where input is bad; its message is one clause for a person, without the source's name.
 * `parseHeader` and `readHeader` turn it into a `Failure`: it never leaves this folder.
 */
export class Refusal extends Error {}

export function refuse(clause: string): never {
  throw new Refusal(clause);
}

const MAX_QUOTED = 80;

/** Text out of a file or a network answer, fit for a terminal and a log line: quoted, without control characters, cut. */
export function quoted(text: string): string {
  const shown = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return JSON.stringify(shown.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\ufffd"));
}

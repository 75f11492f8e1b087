/**
 * Raised inside the reader where input is bad; its message is one clause for a person, without the source's name.
 * `parseHeader` and `readHeader` turn it into a `Failure`: it never leaves this folder.
 */
export class Refusal extends Error {}

export function refuse(clause: string): never {
  throw new Refusal(clause);
}

const MAX_QUOTED = 100;

/** Text out of a file or a network answer, fit for a terminal and a log line: quoted, escaped, cut to 100 characters. */
export function quoted(text: string): string {
  const shown = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return JSON.stringify(shown).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}

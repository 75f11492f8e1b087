/**
 * What a terminal obeys or a reader cannot see: control characters (C0 but the newline, DEL, C1), marks that turn the direction of text,
 * line and paragraph separators, halves of surrogate pairs.
 */
const COMMANDS = /(?!\n)\p{Cc}|[\p{Bidi_Control}\p{Cs}\u2028\u2029]/gu;

/**
 * Text of any origin, fit for a terminal and a log: a tab is a space, and whatever else a terminal may obey is U+FFFD. It is visible that
 * something was there. Newlines stay.
 */
export function plainText(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll("\t", " ").replace(COMMANDS, "\ufffd");
}

/** The same in one line. */
export function plainLine(text: string): string {
  return plainText(text).replaceAll("\n", " ");
}

/** The texts of an object's fields, each as {@link plainText}, however deep they lie. Other values stay as they are. */
export function plainTexts<T>(value: T): T {
  return walked(value) as T;
}

function walked(value: unknown): unknown {
  if (typeof value === "string") return plainText(value);
  if (Array.isArray(value)) return value.map(walked);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, walked(field)]));
}

/** As JSON.stringify with two spaces; what {@link plainText} would replace is escaped, so that programs get it and terminals do not. */
export function plainJson(value: unknown): string {
  return escaped(JSON.stringify(value, null, 2));
}

/** JSON with each such character as its escape. None can be outside a text, and JSON.stringify has escaped those below 0x20. */
export function escaped(json: string): string {
  return json.replace(COMMANDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const MAX_QUOTED = 80;

/** Text out of a file or a network answer, fit for a terminal and a log line: quoted, without control characters, cut. */
export function quoted(text: string): string {
  const shown = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return JSON.stringify(shown.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "\ufffd"));
}

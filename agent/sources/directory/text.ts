import { fail, ok, type Result } from "../../../api/result.ts";

/**
 * The text of a manifest: UTF-8, or UTF-16 as some editors and shells of Windows save it, each with or without a byte order mark. Fails
 * with a clause on bytes that are no text, or half of one; text has no NUL.
 */
export function manifestText(bytes: Uint8Array): Result<string> {
  if (bytes.length > 0 && bytes.every((byte) => byte === 0))
    return fail("it holds nothing but NUL bytes, as after a crash");
  if (startsWith(bytes, UTF_32)) return fail(`it is UTF-32; ${SAVE_AS}`);
  const encoding = encodingOf(bytes);
  if (encoding !== "utf-8" && bytes.length % 2 === 1) return fail(`it ends within a character of UTF-16; ${SAVE_AS}`);
  const text = decoded(bytes, encoding);
  if (text === undefined) return fail(`it is not text in UTF-8 or UTF-16; ${SAVE_AS}`);
  if (text.includes("\0")) return fail(`it has a NUL, which no text has; ${SAVE_AS}`);
  return ok(text);
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

const SAVE_AS = "save it as UTF-8";
const UTF_32 = [0xff, 0xfe, 0, 0];

/**
 * By the mark, else by where the first NULs are: a manifest begins with characters of ASCII (a letter, a brace, a comment, space), which
 * are a NUL and another byte in UTF-16.
 */
function encodingOf(bytes: Uint8Array): Encoding {
  if (startsWith(bytes, [0xff, 0xfe])) return "utf-16le";
  if (startsWith(bytes, [0xfe, 0xff])) return "utf-16be";
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return "utf-8";
  if (first !== 0 && second === 0) return "utf-16le";
  return first === 0 && second !== 0 ? "utf-16be" : "utf-8";
}

function startsWith(bytes: Uint8Array, mark: readonly number[]): boolean {
  return mark.every((byte, at) => bytes[at] === byte);
}

/** Without the mark; undefined where it is no such text, as half of a surrogate pair. */
function decoded(bytes: Uint8Array, encoding: Encoding): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

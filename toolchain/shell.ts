/** Quotes one word for a POSIX shell, and for Python's shlex. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

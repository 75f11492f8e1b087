/** The value of a line `KEY:   123 kB`, as the files of /proc have it; undefined if there is none. */
export function kibibytes(text: string, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text);
  return match === null ? undefined : Number(match[1]);
}

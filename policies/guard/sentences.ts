/** Each line of a message ends as a sentence does. */
export function sentences(text: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" || /[.!?:]$/.test(line) ? line : `${line}.`))
    .join("\n");
}

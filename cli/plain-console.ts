import { plainText } from "../api/plain-text.ts";

const METHODS = ["log", "error", "warn"] as const;

/**
 * From now on the console prints plain text, whatever file, server or cluster its words come from. A command's own output has no colours
 * and moves no cursor, so nothing is lost. What is not written by the console is for its writer to make plain.
 *
 * @returns makes the console what it was
 */
export function plainConsole(): () => void {
  const own = METHODS.map((method) => console[method]);
  for (const [index, method] of METHODS.entries()) {
    console[method] = (...words: readonly unknown[]) => own[index]?.apply(console, words.map(plain));
  }
  return () => {
    for (const [index, method] of METHODS.entries()) console[method] = own[index] as typeof console.log;
  };
}

function plain(word: unknown): unknown {
  return typeof word === "string" ? plainText(word) : word;
}

import type { Share } from "./picture.ts";

/** One model's part of a bar. */
export interface Segment {
  /** One character of ASCII. */
  readonly mark: string;
  readonly bytes: number;
}

const FREE = ".";

/** `[AAAABB....]`: each mark takes its part of the width, and what is free is dotted. What is more than there is ends in `!`. */
export function bar(segments: readonly Segment[], allocatableBytes: number, width: number): string {
  let sum = 0;
  let cells = "";
  for (const { mark, bytes } of segments) {
    sum += bytes;
    const end = Math.min(width, Math.round((sum / Math.max(1, allocatableBytes)) * width));
    cells += mark.repeat(Math.max(0, end - cells.length));
  }
  return `[${cells.padEnd(width, FREE)}]${sum > allocatableBytes ? "!" : ""}`;
}

/** What all models that have no mark of their own share. */
export const OTHERS = "+";
const MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The largest get letters, in alphabetical order of their names; undefined for those that get none. */
export function marksOf(shares: readonly Share[], most: number): ReadonlyMap<string, string> {
  const largest = new Map<string, number>();
  for (const { name, bytes } of shares) largest.set(name, Math.max(bytes, largest.get(name) ?? 0));
  const names = [...largest].sort(([a, aBytes], [b, bBytes]) => bBytes - aBytes || (a < b ? -1 : 1));
  const kept = names.slice(0, names.length > most ? most - 1 : most).map(([name]) => name);
  return new Map(kept.sort().map((name, index) => [name, MARKS[index] ?? OTHERS]));
}

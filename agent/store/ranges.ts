import type { ByteRange } from "../../fetch/http-part.ts";

/** Byte ranges in order, with a gap between any two. */
export type Ranges = readonly ByteRange[];

/** `ranges` with one more, merged with those that it touches or overlaps. */
export function withRange(ranges: Ranges, { begin, end }: ByteRange): Ranges {
  if (begin >= end) return ranges;
  const before = ranges.filter((range) => range.end < begin);
  const after = ranges.filter((range) => range.begin > end);
  const touching = ranges.filter((range) => range.end >= begin && range.begin <= end);
  const merged = {
    begin: Math.min(begin, ...touching.map((range) => range.begin)),
    end: Math.max(end, ...touching.map((range) => range.end)),
  };
  return [...before, merged, ...after];
}

/** The gaps of `ranges` between 0 and `fileBytes`, in order, split into chunks of at most `chunkBytes`. */
export function missingChunks(ranges: Ranges, fileBytes: number, chunkBytes: number): Ranges {
  const chunks: ByteRange[] = [];
  let position = 0;
  for (const { begin, end } of [...ranges, { begin: fileBytes, end: fileBytes }]) {
    for (; position < begin; position = Math.min(position + chunkBytes, begin)) {
      chunks.push({ begin: position, end: Math.min(position + chunkBytes, begin) });
    }
    position = end;
  }
  return chunks;
}

/** Number of bytes before the first gap. */
export function frontier(ranges: Ranges): number {
  const [first] = ranges;
  return first?.begin === 0 ? first.end : 0;
}

export function bytesIn(ranges: Ranges): number {
  return ranges.reduce((sum, { begin, end }) => sum + end - begin, 0);
}

import { isDeepStrictEqual } from "node:util";
import type { AgentStatus } from "./status.ts";

/** A measured figure that moved by more than this share of itself, and by more than this many bytes, is news. */
const MOVED_SHARE = 0.01;
const MOVED_BYTES = 16 * 2 ** 20;

/** How long figures that only wobble may stay unwritten, in milliseconds. */
export const WOBBLE_MS = 30_000;
/** The same for a sentence in which nothing but numbers changed (`42%, 3 min left`), and for how many requests there are, which change all the time. */
export const COUNTING_MS = 5000;

const SENTENCES: ReadonlySet<string> = new Set(["message", "schedulingMessage", "notes", "problems"]);

/**
 * How long `now` may stay unwritten after `before` was written, in milliseconds: 0 for anything that somebody could act on, Infinity
 * where both say the same. When they were made is no difference.
 */
export function patienceMs(before: AgentStatus, now: AgentStatus): number {
  return patienceOf(before, now, "");
}

function patienceOf(before: unknown, now: unknown, key: string): number {
  if (before === now || key === "updatedAt") return Number.POSITIVE_INFINITY;
  if (key === "demand") return isDeepStrictEqual(before, now) ? Number.POSITIVE_INFINITY : COUNTING_MS;
  if (typeof before === "number" && typeof now === "number") return patienceWithFigure(before, now, key);
  if (typeof before === "string" && typeof now === "string") {
    return SENTENCES.has(key) && withoutNumbers(before) === withoutNumbers(now) ? COUNTING_MS : 0;
  }
  if (!isRecord(before) || !isRecord(now)) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (const part of new Set([...Object.keys(before), ...Object.keys(now)])) {
    least = Math.min(least, patienceOf(before[part], now[part], Array.isArray(now) ? key : part));
    if (least === 0) break;
  }
  return least;
}

function patienceWithFigure(before: number, now: number, key: string): number {
  // The memory that is free in the machine moves all the time, and no decision uses it.
  if (key === "availableBytes") return WOBBLE_MS;
  if (key !== "measuredBytes") return 0;
  return Math.abs(now - before) > Math.max(MOVED_BYTES, before * MOVED_SHARE) ? 0 : WOBBLE_MS;
}

function withoutNumbers(sentence: string): string {
  return sentence.replace(/\d+(?:\.\d+)?/g, "#");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

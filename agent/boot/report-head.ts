import * as z from "zod";

/** The first line of a report of macOS is JSON of its own. */
const headSchema = z.looseObject({ timestamp: z.string() });

/** When a report was written, as its first line says: `2026-08-09 03:41:24.00 -0700`; in milliseconds since 1970. */
export function reportTime(text: string): number | undefined {
  const [head = ""] = text.split("\n", 1);
  const parsed = headSchema.safeParse(jsonOf(head));
  return parsed.success ? parseTimestamp(parsed.data.timestamp) : undefined;
}

/** Undefined if it is no JSON, as of a file that was cut off. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseTimestamp(text: string): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? ([+-]\d\d)(\d\d)$/.exec(text.trim());
  if (parts === null) return undefined;
  const [, day, time, hours, minutes] = parts;
  const at = Date.parse(`${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(at) ? undefined : at;
}

import { reportTime } from "./report-head.ts";

/** What a report of a kernel panic says about when it was. All times in milliseconds since 1970. */
export interface PanicReport {
  readonly path: string;
  /** When the kernel panicked; of a report without its clock, when the report was written, which is after the next boot. */
  readonly at: number;
  /** The boot that panicked (`kern.bootsessionuuid`); undefined where the report does not say it. */
  readonly bootId?: string | undefined;
  /** When that boot began; undefined where the report does not say it. */
  readonly bootedAt?: number | undefined;
}

/**
 * Reads what a `*.panic` file begins with. xnu prints `Boot session UUID: ` and a table `Epoch Time:` of hexadecimal seconds into the
 * panic's text (osfmk/arm64/model_dep.c, osfmk/i386/AT386/model_dep.c); since macOS 10.15 that text is a string in JSON, after a line of
 * JSON with the time of writing. Every report gives a time: the file's own where it has no other.
 *
 * @param text the first part of the file
 * @param writtenAt the file's time of modification, in milliseconds since 1970
 */
export function parsePanicReport(path: string, text: string, writtenAt: number): PanicReport {
  const clock = text.indexOf("Epoch Time:");
  const table = clock < 0 ? "" : text.slice(clock, clock + EPOCH_TABLE_CHARS);
  return {
    path,
    at: epoch(table, "Calendar") ?? reportTime(text) ?? writtenAt,
    bootId: /Boot session UUID: ([0-9A-Fa-f-]{36})/.exec(text)?.[1],
    bootedAt: epoch(table, "Boot"),
  };
}

const EPOCH_TABLE_CHARS = 400;

/** A clock that was not set is 0. */
function epoch(table: string, row: "Boot" | "Calendar"): number | undefined {
  const seconds = new RegExp(`${row}\\s*:\\s*0x([0-9a-f]{8})\\b`, "i").exec(table)?.[1];
  const value = Number.parseInt(seconds ?? "0", 16);
  return value === 0 ? undefined : value * 1000;
}

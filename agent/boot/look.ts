import type { Result } from "../../api/result.ts";
import type { HeldBook } from "./held-book.ts";
import { type Cause, causeOf, type RanBefore, type Reports } from "./verdict.ts";

/** What a look at the reports of this machine needs. */
export interface Watch {
  /** The reports since a time in milliseconds since 1970; undefined where this system has none. It comes back within seconds. */
  readonly reports: (since: number) => Promise<Result<Reports | undefined>>;
  /** Milliseconds since this machine was started. */
  readonly uptimeMs: () => number;
  /** Waits for so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<unknown>;
  /** Called when a model may start, or must not. */
  readonly changed: () => void;
}

interface Looking extends Watch {
  readonly book: HeldBook;
  /** Gets why the reports cannot be read, as a sentence; undefined once they can. */
  readonly say: (problem: string | undefined) => void;
}

/** macOS writes the report of a panic within the first minute or so after the next start, in milliseconds. */
const WRITTEN_BY_MS = 120_000;
/** And not before somebody has unlocked the disk, which is when the agent starts, too: it looks this often at least. */
const LEAST_LOOKS = 12;
/** Between two looks, in milliseconds. */
const LOOK_MS = 5000;
/** When to look for the report of a kill, each in milliseconds after the look before. */
const KILL_LOOKS_MS: readonly number[] = [2000, 8000, 20_000];
/** A report may be dated before the agent's own notes by this, in milliseconds: clocks are set anew at a start. */
const MARGIN_MS = 10 * 60_000;

/**
 * Decides on every note that is open: it gets its cause, or is dropped when no report can come any more. Where the reports cannot be read,
 * that is said, and nothing is held back: most machines that went down had no power.
 */
export async function settleOpen({ book, reports, uptimeMs, wait, changed, say }: Looking): Promise<void> {
  for (let looks = 1; ; looks += 1) {
    const open = book.all().flatMap((noted) => (noted.held?.open ? [{ ...noted, held: noted.held }] : []));
    if (open.length === 0) return;
    const last = uptimeMs() >= WRITTEN_BY_MS && looks >= LEAST_LOOKS;
    const found = await reports(Math.min(...open.map(({ held }) => held.ran.startedAt ?? held.ran.until)) - MARGIN_MS);
    say(found.ok ? undefined : found.error);
    const known = found.ok ? found.value : undefined;
    const none = last || (found.ok && known === undefined);
    for (const noted of open) {
      if (book.isRemoved(noted) || book.of(noted.held.id)?.held?.open !== true) continue;
      const cause = (known && causeOf(noted.held.ran, known)) ?? noted.held.cause;
      if (cause !== undefined && (none || cause.kind === "panic")) book.keep({ ...noted.held, open: false, cause });
      else if (none) book.release(noted.fileName);
    }
    changed();
    if (!none) await wait(LOOK_MS);
  }
}

/** Looks for the report of a process that was ended in this boot. It is written seconds later. */
export async function lookForKill(
  ran: RanBefore,
  { reports, wait, say, found }: Looking & { readonly found: (cause: Cause) => void },
): Promise<void> {
  for (const milliseconds of KILL_LOOKS_MS) {
    await wait(milliseconds);
    const looked = await reports((ran.startedAt ?? ran.until) - MARGIN_MS);
    say(looked.ok ? undefined : looked.error);
    if (!looked.ok) continue;
    if (looked.value === undefined) return;
    const cause = causeOf(ran, { panics: [], jetsams: looked.value.jetsams });
    if (cause !== undefined) return found(cause);
  }
}

import type { WatchdogFile } from "./watchdog-file.ts";

/** Without a sign of its main part for this long, in milliseconds, an agent counts as stuck. */
export const STUCK_MS = 10_000;
/** What a watchdog wrote is its last word, not news, once it is older than this, in milliseconds. */
const WATCHDOG_SILENT_MS = 30_000;

/** Whether an agent runs, as another process sees it. */
export type Liveness =
  | { readonly is: "running" }
  /** Its process lives and does nothing. `watchdog`: undefined where none says anything. */
  | { readonly is: "stuck"; readonly forMs: number; readonly watchdog: WatchdogFile | undefined }
  | { readonly is: "gone"; readonly watchdog: WatchdogFile | undefined };

/** What can be seen from outside. Times are milliseconds since 1970. */
export interface Signs {
  readonly now: number;
  /** Whether the lock of the state folder is there, and the process that wrote the status lives. */
  readonly held: boolean;
  /** Undefined if it cannot be read. */
  readonly heartbeatAt: number | undefined;
  /** Undefined if there is none. */
  readonly watchdog: WatchdogFile | undefined;
  /** Whether the process of that pid lives. */
  readonly watchdogLives: boolean;
}

export function livenessOf({ now, held, heartbeatAt, watchdog, watchdogLives }: Signs): Liveness {
  const heard = watchdog !== undefined && watchdogLives && now - Date.parse(watchdog.updatedAt) < WATCHDOG_SILENT_MS;
  const speaking = heard ? watchdog : undefined;
  if (!held) return { is: "gone", watchdog: speaking };
  const seenAt = Math.max(heartbeatAt ?? now, speaking === undefined ? 0 : Date.parse(speaking.mainSeenAt));
  const forMs = now - seenAt;
  return forMs < STUCK_MS ? { is: "running" } : { is: "stuck", forMs, watchdog: speaking };
}

import type { Watch } from "../decisions/watch.ts";
import { watchdogPath } from "../state/layout.ts";
import type { WatchdogFile } from "../status/watchdog-file.ts";
import { WATCHDOG_REWRITE_MS, watchdogPidIn, writeWatchdogFile } from "../status/watchdog-file-write.ts";
import type { Held } from "./protocol.ts";

/** What the watchdog says about itself and the main part. */
export interface WatchdogView {
  readonly held: Held;
  readonly watch: Watch;
  /** Of the watchdog's clock, in milliseconds. */
  readonly now: number;
  /** The last sign of life of the main part. */
  readonly seenAt: Date;
  /** The main part has ended. */
  readonly orphaned: boolean;
  /** The main part is stuck, or has ended. */
  readonly stuck: boolean;
}

export interface WatchdogFileWriter {
  /** Writes the file if there is news. Returns at once: a disk that hangs holds up nothing. */
  readonly write: (view: WatchdogView) => void;
  /** Whether another watchdog has written its name into the file: it holds the servers now. */
  readonly replaced: () => boolean;
}

/** Longer than two renewals: an earlier watchdog that wrote over the first one finds the second. */
const BEGINNING_MS = 15_000;

/** The file in the state folder by which people, and the watchdogs of earlier agents, find this one. */
export function watchdogFileWriter(stateDirectory: string, mainPid: number): WatchdogFileWriter {
  const path = watchdogPath(stateDirectory);
  let firstAt: number | undefined;
  let written: { readonly at: number; readonly stuck: boolean } | undefined;
  let writing = false;
  let replaced = false;
  const writeNow = async (view: WatchdogView) => {
    if (written !== undefined && view.stuck) replaced = ![process.pid, undefined].includes(await watchdogPidIn(path));
    if (replaced) return;
    await writeWatchdogFile(path, stateOf(view, mainPid));
  };
  const isDue = ({ now, stuck }: WatchdogView) => {
    if (written === undefined || written.stuck !== stuck) return true;
    return (stuck || written.at - (firstAt ?? now) < BEGINNING_MS) && now - written.at >= WATCHDOG_REWRITE_MS;
  };
  return {
    write: (view) => {
      if (writing || replaced || !isDue(view)) return;
      writing = true;
      firstAt ??= view.now;
      const done = () => {
        writing = false;
        written = { at: view.now, stuck: view.stuck };
      };
      // That the state folder cannot be written, the main part says.
      writeNow(view).then(done, done);
    },
    replaced: () => replaced,
  };
}

function stateOf({ held, watch, now, seenAt, orphaned }: WatchdogView, mainPid: number): WatchdogFile {
  const servers: WatchdogFile["servers"] = [];
  const stops: WatchdogFile["stops"] = [];
  for (const { key, id, name, pid, budget } of held.processes) {
    const seen = watch.sightings.get(key);
    if (seen === undefined) continue;
    const { measuredBytes, over } = seen.footprint;
    if (!seen.gone) {
      servers.push({
        id,
        name,
        pid,
        budgetBytes: budget.bytes,
        over,
        ...(measuredBytes !== undefined && { measuredBytes }),
      });
    }
    if (seen.stop !== undefined) {
      const { reason, message } = seen.stop;
      stops.push({ id, name, at: new Date(Date.now() - (now - seen.stop.at)).toISOString(), reason, message });
    }
  }
  const updatedAt = new Date().toISOString();
  const main = { mainPid, mainSeenAt: seenAt.toISOString(), mainAlive: !orphaned };
  return { version: 1, pid: process.pid, updatedAt, ...main, servers, stops };
}

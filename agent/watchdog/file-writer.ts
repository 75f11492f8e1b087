import { readFile } from "node:fs/promises";
import type { Watch } from "../decisions/watch.ts";
import { watchdogPath } from "../state/layout.ts";
import type { WatchdogFile } from "../status/watchdog-file.ts";
import { WATCHDOG_REWRITE_MS, writeWatchdogFile } from "../status/watchdog-file-write.ts";
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
  /** Pids that another watchdog, which lives, says in the file that it holds; undefined if no other has written there. */
  readonly takenOver: () => ReadonlySet<number> | undefined;
}

/** Longer than two renewals: an earlier watchdog that wrote over the first one finds the second. */
const BEGINNING_MS = 15_000;

/** The file in the state folder by which people, and the watchdogs of earlier agents, find this one. */
export function watchdogFileWriter(stateDirectory: string, mainPid: number): WatchdogFileWriter {
  const path = watchdogPath(stateDirectory);
  let firstAt: number | undefined;
  let written: { readonly at: number; readonly stuck: boolean; readonly pids: string } | undefined;
  let writing = false;
  let takenOver: ReadonlySet<number> | undefined;
  const writeNow = async (view: WatchdogView) => {
    if (written !== undefined && view.stuck) takenOver = (await heldByAnother(path)) ?? takenOver;
    if (takenOver !== undefined || !isDue(view)) return;
    await writeWatchdogFile(path, stateOf(view, mainPid));
    written = { at: view.now, stuck: view.stuck, pids: pidsOf(view.held) };
  };
  const isDue = ({ held, now, stuck }: WatchdogView) => {
    if (written === undefined || written.stuck !== stuck || written.pids !== pidsOf(held)) return true;
    return (stuck || written.at - (firstAt ?? now) < BEGINNING_MS) && now - written.at >= WATCHDOG_REWRITE_MS;
  };
  return {
    write: (view) => {
      // Without a main part it looks each round whether another one has taken over: what both hold, both would stop.
      if (writing || (!isDue(view) && !view.orphaned)) return;
      writing = true;
      firstAt ??= view.now;
      const done = () => {
        writing = false;
      };
      // That the state folder cannot be written, the main part says.
      writeNow(view).then(done, done);
    },
    takenOver: () => takenOver,
  };
}

function pidsOf({ processes }: Held): string {
  return processes.map(({ pid }) => pid).join();
}

async function heldByAnother(path: string): Promise<ReadonlySet<number> | undefined> {
  try {
    const { pid, servers }: Partial<WatchdogFile> = JSON.parse(await readFile(path, "utf8"));
    if (pid === process.pid || !isOurs(pid)) return undefined;
    return new Set(servers?.map((server) => server.pid));
  } catch {
    return undefined;
  }
}

/** Whether it is a process of this user. One that has ended holds nothing, whatever it has written before. */
function isOurs(pid: unknown): boolean {
  try {
    return typeof pid === "number" && Number.isInteger(pid) && pid > 1 && process.kill(pid, 0);
  } catch {
    return false;
  }
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

import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { wantedFiles } from "../../workload/model-files.ts";
import type { HostFacts } from "../../workload/workload.ts";
import type { WorkloadId } from "../../workload/workload-id.ts";
import type { WantedWork, WorkSource } from "../source.ts";
import { desiredWorkloads } from "./join.ts";
import { folderScanner, MISSED_MS } from "./scan.ts";
import { NOTHING_READ, type Snapshot } from "./snapshot.ts";
import { watchFolder } from "./watch.ts";

export interface DirectoryOptions {
  readonly folder: string;
  readonly host: HostFacts;
  /** The workloads that have a process, and the port of each: a port that two ask for stays with the one that runs there. */
  readonly running: () => ReadonlyMap<WorkloadId, number>;
  /** Called after each look at the folder that found something new. */
  readonly changed: () => void;
}

const RESCAN_MS = 5000;
/** A renderer writes several files at a time, and not each at once. */
const SETTLE_MS = 200;
/** A disk that hangs must not keep the agent from watching what an earlier one left: after this it begins without the manifests. */
const FIRST_LOOK_MS = 2000;

/**
 * The InferenceServices and Models under a folder, as `renderYamlToDirectory` writes them; watched, and read again every 5 s in case an
 * event was missed. A folder that is absent is waited for.
 */
export async function openDirectory({ folder, host, running, changed }: DirectoryOptions): Promise<WorkSource> {
  const scanner = folderScanner(folder, () => performance.now());
  let snapshot = NOTHING_READ;
  let scanning = Promise.resolve();
  let settling: NodeJS.Timeout | undefined;
  let doubting: NodeJS.Timeout | undefined;
  const look = async () => {
    const { snapshot: next, doubtful } = await scanner
      .scan()
      .catch((error: unknown) => failedLook(folder, snapshot, error));
    if (doubtful) lookLater();
    if (isDeepStrictEqual(next, snapshot)) return;
    snapshot = next;
    changed();
  };
  const schedule = () => {
    scanning = scanning.then(look);
  };
  const lookLater = () => {
    clearTimeout(doubting);
    doubting = setTimeout(schedule, MISSED_MS);
  };
  const settle = () => {
    clearTimeout(settling);
    settling = setTimeout(schedule, SETTLE_MS);
  };
  schedule();
  await Promise.race([scanning, sleep(FIRST_LOOK_MS, undefined, { ref: false })]);
  const watch = watchFolder(folder, settle);
  const timer = setInterval(schedule, RESCAN_MS);
  const wanted = memoised(host);
  return {
    current: () => wanted(snapshot, running()),
    close: async () => {
      clearInterval(timer);
      await watch.close();
      clearTimeout(settling);
      await scanning;
      // The last look may have been doubtful.
      clearTimeout(doubting);
    },
  };
}

/** A look that failed has seen nothing: what was known stays, and absence proves nothing. */
function failedLook(
  folder: string,
  known: Snapshot,
  error: unknown,
): { readonly snapshot: Snapshot; readonly doubtful: false } {
  const message = error instanceof Error ? error.message : String(error);
  return { snapshot: { ...known, synced: false, problems: [`${folder} cannot be read: ${message}`] }, doubtful: false };
}

/** Joins Models and InferenceServices anew when either the snapshot or what runs is another one than at the last call. */
function memoised(host: HostFacts): (snapshot: Snapshot, running: ReadonlyMap<WorkloadId, number>) => WantedWork {
  let last:
    | { readonly snapshot: Snapshot; readonly running: ReadonlyMap<WorkloadId, number>; readonly work: WantedWork }
    | undefined;
  return (snapshot, running) => {
    if (last?.snapshot === snapshot && isDeepStrictEqual(last.running, running)) return last.work;
    last = { snapshot, running: new Map(running), work: wantedWork(snapshot, running, host) };
    return last.work;
  };
}

function wantedWork(snapshot: Snapshot, running: ReadonlyMap<WorkloadId, number>, host: HostFacts): WantedWork {
  const { synced, problems, notes, manifests, unreadable } = snapshot;
  const modelsKnown = synced && ![...unreadable.values()].some(({ identity }) => identity.kind === "Model");
  const workloads = desiredWorkloads(snapshot, host, running);
  return { workloads, synced, problems, notes, models: modelsKnown ? wantedFiles([...manifests.values()]) : undefined };
}

import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { wantedFiles } from "../../workload/model-files.ts";
import type { HostFacts } from "../../workload/workload.ts";
import type { WorkloadId } from "../../workload/workload-id.ts";
import type { WantedWork, WorkSource } from "../source.ts";
import { desiredWorkloads } from "./join.ts";
import { folderScanner, MISSED_MS } from "./scan.ts";
import { NOTHING_READ, type Snapshot } from "./snapshot.ts";
import { type FolderWatch, watchFolder } from "./watch.ts";

export interface DirectoryOptions {
  readonly folder: string;
  /** The facts as of now: another llama-server may support other options. */
  readonly host: () => HostFacts;
  /** The workloads that have a process, and the port of each: a port that two ask for stays with the one that has it. */
  readonly running: () => Ports;
  /**
   * The port of this agent's gateway; undefined: it has none. With one, a service that names no port gets one by its name, in place of
   * 8080 for all.
   */
  readonly gatewayPort?: number | undefined;
  /** Called after each look at the folder that found something new. */
  readonly changed: () => void;
  /** Milliseconds that never go back, and stand still while the machine sleeps: what is missing at a wake may be there in a moment. */
  readonly clock: () => number;
}

const RESCAN_MS = 5000;
/** A renderer writes several files at a time, and not each at once: what runs is not restarted for half of a change. */
const SETTLE_MS = 200;
/** Where nothing runs. */
const SETTLE_IDLE_MS = 40;
/** A disk that hangs must not keep the agent from watching what an earlier one left: after this it begins without the manifests. */
const FIRST_LOOK_MS = 2000;
/** The agent ends in time, whatever hangs. */
const CLOSE_MS = 1000;

/**
 * The InferenceServices and Models under a folder, as `renderYamlToDirectory` writes them; watched, and read again every 5 s in case an
 * event was missed. A folder that is absent is waited for.
 */
export async function openDirectory({
  folder,
  host,
  running,
  gatewayPort,
  changed,
  clock,
}: DirectoryOptions): Promise<WorkSource> {
  const over = new AbortController();
  let snapshot = NOTHING_READ;
  let settling: NodeJS.Timeout | undefined;
  let doubting: NodeJS.Timeout | undefined;
  const scanner = folderScanner({ folder, clock, late: () => lookSoon() });
  const look = async () => {
    const { snapshot: next, doubtful } = await scanner
      .scan()
      .catch((error: unknown) => failedLook(folder, snapshot, error));
    if (over.signal.aborted) return;
    if (doubtful) lookLater();
    if (isDeepStrictEqual(next, snapshot)) return;
    snapshot = next;
    changed();
  };
  const looking = oneAtATime(look);
  const lookLater = () => {
    clearTimeout(doubting);
    doubting = setTimeout(looking.begin, MISSED_MS);
  };
  const lookSoon = () => {
    if (over.signal.aborted) return;
    clearTimeout(settling);
    settling = setTimeout(looking.begin, running().size === 0 ? SETTLE_IDLE_MS : SETTLE_MS);
  };
  looking.begin();
  await atMost(FIRST_LOOK_MS, looking.idle());
  let watch: FolderWatch | undefined;
  // A watch looks at the folder too, and has no patience: it begins once the folder has answered.
  const watching = looking.idle().then(() => {
    if (!over.signal.aborted) watch = watchFolder(folder, lookSoon);
  });
  const timer = setInterval(looking.begin, RESCAN_MS);
  const wanted = memoised(host, gatewayPort);
  return {
    current: () => wanted(snapshot, running()),
    close: async () => {
      over.abort();
      clearInterval(timer);
      for (const timeout of [settling, doubting]) clearTimeout(timeout);
      // On a disk that hangs neither may end.
      await atMost(
        CLOSE_MS,
        looking
          .idle()
          .then(() => watching)
          .then(() => watch?.close()),
      );
    },
  };
}

/** Begins `work`; while it goes on, once more after it, however often it is asked for. */
function oneAtATime(work: () => Promise<void>): { readonly begin: () => void; readonly idle: () => Promise<void> } {
  let again = false;
  let underWay: Promise<void> | undefined;
  const run = async () => {
    do {
      again = false;
      await work();
    } while (again);
    underWay = undefined;
  };
  return {
    begin: () => {
      if (underWay === undefined) underWay = run();
      else again = true;
    },
    idle: async () => underWay,
  };
}

async function atMost(milliseconds: number, work: Promise<void>): Promise<void> {
  await Promise.race([work, sleep(milliseconds, undefined, { ref: false })]);
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

type Ports = ReadonlyMap<WorkloadId, number>;

/** Joins Models and InferenceServices anew when either the snapshot or what runs is another one than at the last call. */
function memoised(
  host: () => HostFacts,
  gatewayPort: number | undefined,
): (snapshot: Snapshot, running: Ports) => WantedWork {
  let last:
    | (Pick<HostFacts, "options"> & { readonly snapshot: Snapshot; readonly running: Ports; readonly work: WantedWork })
    | undefined;
  return (snapshot, running) => {
    const facts = host();
    const same =
      last?.snapshot === snapshot && last.options === facts.options && isDeepStrictEqual(last.running, running);
    if (last !== undefined && same) return last.work;
    const work = wantedWork(snapshot, running, facts, gatewayPort);
    last = { snapshot, options: facts.options, running: new Map(running), work };
    return work;
  };
}

function wantedWork(snapshot: Snapshot, running: Ports, host: HostFacts, gatewayPort: number | undefined): WantedWork {
  const { synced, problems, notes, manifests, unreadable } = snapshot;
  const modelsKnown = synced && ![...unreadable.values()].some(({ identity }) => identity.kind === "Model");
  const workloads = desiredWorkloads(snapshot, host, running, gatewayPort);
  return { workloads, synced, problems, notes, models: modelsKnown ? wantedFiles([...manifests.values()]) : undefined };
}

import { sumOf } from "../../memory/estimate/estimate.ts";
import { noEffectNote, promptCacheMiB, withPromptCache } from "../../memory/prompt-cache.ts";
import { cacheChange, NO_CACHE } from "../decisions/cache-change.ts";
import { needWithoutCache } from "../decisions/projection.ts";
import { slotsOf } from "../llama-server/probe.ts";
import type { State } from "../status/status.ts";
import type { Desired } from "../workload/desired.ts";
import { cacheOf, type Need, type Preparation } from "../workload/prepare.ts";
import { cacheBytesOf, chargeBytes, type Entry } from "./entry.ts";
import type { SupervisorOptions } from "./options.ts";
import { expectedOf, type Probing } from "./probing.ts";
import type { Projector } from "./projector.ts";
import type { Running } from "./running.ts";

/** For so long an answer about its requests counts, in milliseconds. */
const FRESH_MS = 2000;

/** Without a process: it starts as soon as it can. */
const TO_START: ReadonlySet<State> = new Set(["Pending", "Waiting", "Starting"]);

/** Of one tick. */
export interface CacheInput {
  readonly desired: Desired | undefined;
  readonly preparation: Preparation | undefined;
  readonly all: readonly Entry[];
  readonly projector: Pick<Projector, "asked">;
}

/**
 * Decides what prompt cache a start would get, counts the cache that there is, or would be, in the need, and says whether the server has to
 * restart for another one. Whether it works on a request is asked in the background.
 */
export function followCache(
  entry: Entry,
  { desired, preparation, all, projector }: CacheInput,
  options: SupervisorOptions & Probing,
): void {
  entry.cacheChange = undefined;
  entry.cacheNote = undefined;
  if (desired?.kind !== "run" || preparation === undefined || !hasNeed(preparation)) return;
  const { workload } = desired;
  const { estimateParts, rereads } = preparation;
  const { projection, running } = entry;
  const projected = projection?.specHash === workload.specHash ? projection.bytes : undefined;
  const wanted = cacheOf(workload, options.supportedFlags());
  const needBytes = needWithoutCache(estimateParts, projected);
  const allowedBytes = Math.min(workload.budget.bytes, roomFor(entry, needBytes, { all, projector }, options));
  const sizeMiB = promptCacheMiB(wanted, { allowedBytes, needBytes, rereads });
  entry.nextCache = { wanted, sizeMiB, ...(sizeMiB > 0 && rereads && { checkpointBytes: rereads.checkpointBytes }) };
  entry.cacheNote = noEffectNote(wanted, rereads);
  const held = running === undefined ? entry.nextCache : (running.started.promptCache ?? NO_CACHE);
  const parts = withPromptCache(estimateParts, held);
  entry.need = { estimateBytes: sumOf(parts), estimateParts: parts };
  // Only what would start again is stopped.
  if (running?.phase !== "ready" || preparation.stage !== "ready") return;
  entry.cacheChange = cacheChange({
    started: held,
    next: entry.nextCache,
    needBytes: Math.max(entry.need.estimateBytes ?? 0, (projected ?? 0) + cacheBytesOf(entry)),
    budgetBytes: workload.budget.bytes,
    busy: busyNow(entry, options),
  });
  if (entry.cacheChange?.act === "ask") askSlots(entry, running, options);
}

function hasNeed(preparation: Preparation): preparation is Preparation & Need {
  return "estimateParts" in preparation && preparation.estimateParts !== undefined;
}

/**
 * Bytes of the machine that nobody else holds, or is about to, as of the last tick. A model that is to start, too, and fits beside this one
 * without its cache, has its room: a cache keeps no model out.
 */
function roomFor(
  entry: Entry,
  needBytes: number,
  { all, projector }: Pick<CacheInput, "all" | "projector">,
  { allocatable, claims }: Pick<SupervisorOptions, "allocatable" | "claims">,
): number {
  const asked = projector.asked();
  const others = all.filter((other) => other !== entry);
  const holding = others.filter((other) => other.running !== undefined || asked.has(other.id));
  const taken = holding.reduce((sum, other) => sum + chargeBytes(other), 0);
  const elsewhere = claims.others().reduce((sum, { bytes }) => sum + bytes, 0);
  const room = Math.max(0, allocatable.bytes - taken - elsewhere);
  return others
    .filter((other) => !holding.includes(other) && TO_START.has(other.decision.state))
    .map(bareBytes)
    .reduce((left, bytes) => (needBytes + bytes <= left ? left - bytes : left), room);
}

/** What it would be charged without what `auto` would take. */
function bareBytes(entry: Entry): number {
  return chargeBytes(entry) - (entry.nextCache?.wanted === "auto" ? cacheBytesOf(entry) : 0);
}

/** Whether it works on a request; undefined: not known. Its clients need not come through a gateway. */
function busyNow({ id, cacheLook, running }: Entry, { clock, gateway }: SupervisorOptions): boolean | undefined {
  const { inFlight = 0, waiting = 0 } = gateway?.demandOf(id) ?? {};
  if (inFlight > 0 || waiting > 0) return true;
  const isCurrent =
    cacheLook !== undefined && cacheLook.process === running?.process && clock() - cacheLook.at < FRESH_MS;
  return isCurrent ? cacheLook.busy : undefined;
}

function askSlots(entry: Entry, running: Running, options: SupervisorOptions & Probing): void {
  if (entry.asksSlots) return;
  entry.asksSlots = true;
  const ask = async () => {
    try {
      const slots = await slotsOf(expectedOf(running, options).expected);
      const busy = slots === "silent" || slots === undefined || slots.some(({ processing }) => processing);
      entry.cacheLook = { process: running.process, at: options.clock(), busy };
      if (!busy) options.wake();
    } finally {
      entry.asksSlots = false;
    }
  };
  options.background(`looking whether ${entry.name} has a request`, ask());
}

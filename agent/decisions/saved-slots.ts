import { GiB } from "../../api/bytes.ts";
import type { SavedSlots } from "../../api/on-demand.ts";
import type { Mode } from "../../memory/estimate/types.ts";

/** A shorter conversation is read again in a moment. */
export const LEAST_TOKENS = 256;

/** How long the stop of a server waits for its conversations to be saved, and a request for them to be restored, in milliseconds. */
export const SLOTS_MS = 10_000;

/** What stays free on the disk: more than macOS needs for its own swap, and a share of a large disk. */
const LEAST_FREE = GiB;
const FREE_SHARE = 0.05;

/** What decides whether the conversations of a server can be saved. */
export interface Savable {
  /** What its annotations say; undefined: auto. */
  readonly wanted: SavedSlots | undefined;
  readonly mode: Mode;
  /** Its llama-server can save slots. */
  readonly supported: boolean;
  /** It may unload: a pod, and one with evictionProtection, does not. */
  readonly unloads: boolean;
  /** Its layers cannot go back to an earlier token without context checkpoints, which llama-server does not save. */
  readonly rereads: boolean;
  /** It has a projector or a draft model, of which llama-server saves nothing. */
  readonly auxiliary: boolean;
  /** The largest of estimate and projection, in bytes. */
  readonly needBytes: number;
  /** What it holds besides while it saves or restores, in bytes. */
  readonly copyBytes: number;
  readonly budgetBytes: number;
}

/** Whether a server is started so that its conversations can be saved. Where a restore gives nothing, or costs its budget, it is not. */
export function isSavable(savable: Savable): boolean {
  const { wanted, mode, supported, unloads, rereads, auxiliary, needBytes, copyBytes, budgetBytes } = savable;
  if (wanted === "off" || mode !== "chat" || !supported || !unloads) return false;
  return !rereads && !auxiliary && needBytes + copyBytes <= budgetBytes;
}

/** A slot as its server shows it. */
export interface SlotSeen {
  readonly id: number;
  readonly processing: boolean;
  /** Number of the last request in it; undefined if there was none. */
  readonly task: number | undefined;
  /** Undefined: it does not say. */
  readonly cachedTokens: number | undefined;
}

/** Tokens that were restored, by slot. */
export type Restored = ReadonlyMap<number, number>;

/** No request has this number. */
const RESTORED_TASK = -2;

/** The slots with what was restored into them: llama-server does not show it before the first request in a slot. */
export function withRestored<Slot extends SlotSeen>(
  slots: readonly Slot[],
  restored: Restored | undefined,
): readonly Slot[] {
  return slots.map((slot) => {
    const cachedTokens = slot.task === undefined ? restored?.get(slot.id) : undefined;
    return cachedTokens === undefined ? slot : { ...slot, task: RESTORED_TASK, cachedTokens };
  });
}

/** The slots that are worth saving, the longest conversation first. One that works is not waited for. */
export function slotsToSave<Slot extends SlotSeen>(slots: readonly Slot[]): readonly Slot[] {
  const tokens = ({ task, cachedTokens = task === undefined ? 0 : LEAST_TOKENS }: SlotSeen) => cachedTokens;
  return slots
    .filter((slot) => !slot.processing && tokens(slot) >= LEAST_TOKENS)
    .toSorted((one, other) => tokens(other) - tokens(one));
}

/** What is kept of one workload. */
export interface Kept {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
}

export interface Space {
  /** What all may take, in bytes. */
  readonly limitBytes: number;
  /** Of all other workloads. */
  readonly kept: readonly Kept[];
  readonly freeBytes: number;
  readonly diskBytes: number;
}

/** `remove`: these go first. */
export type Place =
  | { readonly kind: "fits"; readonly remove: readonly string[] }
  | { readonly kind: "refused"; readonly reason: "TooLarge" | "DiskFull" };

/** Whether there is room for `bytes` more, and what leaves for them: what was saved longest ago. */
export function placeFor(bytes: number, { limitBytes, kept, freeBytes, diskBytes }: Space): Place {
  if (bytes > limitBytes) return { kind: "refused", reason: "TooLarge" };
  const left = [...kept].sort((one, other) => one.savedAt - other.savedAt);
  const remove: Kept[] = [];
  while (sumOf(left) + bytes > limitBytes) remove.push(...left.splice(0, 1));
  const free = freeBytes + sumOf(remove) - bytes;
  if (free < Math.max(LEAST_FREE, FREE_SHARE * diskBytes)) return { kind: "refused", reason: "DiskFull" };
  return { kind: "fits", remove: remove.map(({ key }) => key) };
}

function sumOf(kept: readonly Kept[]): number {
  return kept.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What was noted of a saved file. */
export interface SavedFile {
  readonly slot: number;
  readonly name: string;
  readonly tokens: number;
  readonly bytes: number;
  /** When it was written last, in milliseconds since 1970. */
  readonly writtenAt: number;
}

/** A file as it is found; undefined: there is none, or it is no file. */
export type FoundFile = Pick<SavedFile, "bytes" | "writtenAt"> | undefined;

/** Why what was saved is not given to a server; undefined: it is. */
export function whyDiscarded(
  saved: { readonly digest: string; readonly files: readonly SavedFile[] },
  digest: string,
  found: ReadonlyMap<string, FoundFile>,
): "OtherSettings" | "Damaged" | undefined {
  if (saved.digest !== digest) return "OtherSettings";
  const isWhole = saved.files.every(({ name, bytes, writtenAt }) => {
    const file = found.get(name);
    return file !== undefined && file.bytes === bytes && file.writtenAt === writtenAt;
  });
  return isWhole ? undefined : "Damaged";
}

export interface LastUse {
  /** When its process was started, in milliseconds of the clock. */
  readonly startedAt: number;
  /** When a request came last whose key does not let it be saved; undefined: none did. */
  readonly privateAt: number | undefined;
}

/** Whether a request since its start keeps the conversations of a server from being saved. */
export function isPrivate({ startedAt, privateAt }: LastUse): boolean {
  return privateAt !== undefined && privateAt >= startedAt;
}

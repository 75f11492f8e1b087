import { isDeepStrictEqual } from "node:util";
import { MEMORY_CONDITION } from "../../api/fleet.ts";
import type { Pod, PodCondition, PodStatus } from "../sources/pods/pod.ts";
import type { WrittenStatus } from "./pod-status.ts";

/**
 * A strategic merge patch of `pods/status`: what differs, and nothing else. With the UID in it, the API server refuses it with a conflict
 * where the pod of that name is another one by now.
 */
export interface StatusPatch {
  readonly metadata: { readonly uid: string };
  readonly status: Readonly<Record<string, unknown>>;
}

/** Lists that the API server merges by address: a patch alone would add to them. */
const LISTS_OF_ADDRESSES: ReadonlySet<string> = new Set(["hostIPs", "podIPs"]);
const REPLACE = { $patch: "replace" } as const;

/** Undefined where the API server has all of that already. */
export function statusPatch({ metadata, status }: Pod, written: WrittenStatus): StatusPatch | undefined {
  const changed: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(written)) {
    if (field === "conditions" || isSame(value, status[field])) continue;
    changed[field] = LISTS_OF_ADDRESSES.has(field) && Array.isArray(value) ? [REPLACE, ...value] : value;
  }
  const conditions = changedConditions(written.conditions ?? [], status.conditions ?? []);
  if (conditions.length > 0) changed["conditions"] = conditions;
  if (Object.keys(changed).length === 0) return undefined;
  return { metadata: { uid: metadata.uid }, status: changed };
}

/** They are merged by their type, field by field, so a field that is gone is named. */
function changedConditions(
  written: readonly PodCondition[],
  before: readonly PodCondition[],
): readonly Readonly<Record<string, unknown>>[] {
  return written.flatMap((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    const gone = (["reason", "message"] as const).filter((field) => known?.[field] && condition[field] === undefined);
    const same =
      known !== undefined &&
      gone.length === 0 &&
      Object.entries(condition).every(([field, value]) => isSame(known[field], value));
    return same ? [] : [{ ...condition, ...Object.fromEntries(gone.map((field) => [field, null])) }];
  });
}

/**
 * Whether nothing changes but numbers within sentences, such as a download that goes on, or a wait that gets shorter. The numbers of the
 * memory are held back by a rule of their own: where they are to be written, they are news.
 */
export function onlyCounts(pod: Pod, written: WrittenStatus): boolean {
  if (memoryMessage(written) !== memoryMessage(pod.status)) return false;
  const before: PodStatus = { ...pod.status };
  return isDeepStrictEqual(withoutNumbers(written), withoutNumbers(pickAs(written, before)));
}

function memoryMessage({ conditions }: Pick<PodStatus, "conditions">): string | undefined {
  return conditions?.find(({ type }) => type === MEMORY_CONDITION)?.message;
}

function pickAs(written: WrittenStatus, before: PodStatus): Readonly<Record<string, unknown>> {
  const picked: Record<string, unknown> = {};
  for (const field of Object.keys(written)) picked[field] = before[field];
  const types = written.conditions?.map(({ type }) => type) ?? [];
  picked["conditions"] = types.map((type) => before.conditions?.find((one) => one.type === type));
  return picked;
}

/** With every number in every `message` replaced. */
function withoutNumbers(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part) => {
      if (part === null) return undefined;
      return key === "message" && typeof part === "string" ? part.replaceAll(/\d+(\.\d+)?/g, "#") : part;
    }),
  );
}

/** The API server writes null for a time that is not set. */
function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(withoutNulls(one), withoutNulls(other));
}

function withoutNulls(value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  return JSON.parse(JSON.stringify(value, (_key, part) => part ?? undefined));
}

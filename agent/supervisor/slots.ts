import { isPrivate, isSavable } from "../decisions/saved-slots.ts";
import { SLOT_SAVE_PATH, serverFlags } from "../llama-server/flags.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { Workload } from "../workload/workload.ts";
import { chargeBytes, type Entry } from "./entry.ts";
import type { SupervisorOptions, Wanted } from "./options.ts";
import { expectedOf, type Probing } from "./probing.ts";
import type { Running } from "./running.ts";
import type { StartedSlots } from "./slot-work.ts";
import { isUnload } from "./unloads.ts";

export type Ready = Extract<Preparation, { readonly stage: "ready" }>;

/** Whether, and how, the server that is about to start can save its conversations. What can never be used again is removed. */
export function slotsOfStart(
  entry: Entry,
  workload: Workload,
  { paths, rereads, slotCopyBytes = 0 }: Ready,
  options: SupervisorOptions,
): StartedSlots | undefined {
  const { savedSlots, supportedFlags, gateway } = options;
  if (savedSlots === undefined || gateway === undefined) return undefined;
  const { id, fields, budget, onDemand, returnsAfterEviction, evictionProtection } = workload;
  const can = isSavable({
    wanted: onDemand.savedSlots,
    mode: fields.mode,
    supported: supportedFlags().has(SLOT_SAVE_PATH),
    unloads: returnsAfterEviction && !evictionProtection,
    rereads: rereads !== undefined,
    auxiliary: paths.mmproj !== undefined || paths.draft !== undefined,
    needBytes: chargeBytes(entry),
    copyBytes: slotCopyBytes,
    budgetBytes: budget.bytes,
  });
  if (!can) {
    savedSlots.remove(id);
    return undefined;
  }
  // Neither its port nor its keys, nor the prompt cache beside its slots.
  const args = serverFlags({ ...fields, port: 0, apiKeyFile: undefined }, paths, supportedFlags());
  return savedSlots.begin({ id, modelPath: paths.model, args });
}

/** What a stop waits for; undefined: nothing. Only who unloads as planned is saved. Never rejects. */
export function savingBefore(
  entry: Entry,
  running: Running,
  options: SupervisorOptions & Probing,
): Promise<void> | undefined {
  const { savedSlots, gateway } = options;
  const { started, inForce, phase, startedAt, restoredSlots: restored } = running;
  const { slots, fields } = started;
  if (savedSlots === undefined || slots === undefined || phase !== "ready") return undefined;
  if (!isUnload(entry.decision.reason) || inForce.onDemand.savedSlots === "off") return undefined;
  const { id, need } = entry;
  if (isPrivate({ startedAt, privateAt: gateway?.demandOf(id).privateAt })) {
    savedSlots.count(id, "Private");
    return undefined;
  }
  const tokenBytes = (need?.estimateParts?.["kv"] ?? 0) / fields.settings.contextSize;
  return savedSlots.save({ id, expected: expectedOf(running, options).expected, slots, restored }, tokenBytes);
}

/** Removes what is kept of models that are gone, or that no longer allow it. While manifests cannot be read, all stays. */
export function keepSlotsOf(wanted: Wanted, { savedSlots }: Pick<SupervisorOptions, "savedSlots">): void {
  if (savedSlots === undefined || !wanted.synced || wanted.ending) return;
  const allowed = [...wanted.workloads].filter(
    ([, desired]) => desired.kind !== "run" || desired.workload.onDemand.savedSlots !== "off",
  );
  savedSlots.keepOnly(allowed.map(([id]) => id));
}

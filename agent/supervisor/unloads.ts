import type { RestReason } from "../decisions/resting.ts";
import type { Unload } from "../status/status.ts";
import type { Entry } from "./entry.ts";

const KEPT = 20;

/** Whether a stop with this reason puts a model to sleep, so that its next start is no restart. */
export function isUnload(reason: string | undefined): reason is Unload["reason"] {
  const reasons: readonly (RestReason | undefined)[] = ["Idle", "MadeRoom"];
  return reasons.some((one) => one === reason);
}

/** The last models that were unloaded, and why. */
export function unloadLog() {
  let unloads: readonly Unload[] = [];
  return {
    /** Takes the decisions of one tick. */
    note: (entries: readonly Entry[]): void => {
      unloads = [...entries.flatMap(unloadOf), ...unloads].slice(0, KEPT);
    },
    latest: (): readonly Unload[] => unloads,
  };
}

function unloadOf({ name, decision, rest }: Entry): readonly Unload[] {
  const { act, reason, message = "" } = decision;
  if (act !== "stop" || !isUnload(reason)) return [];
  const madeRoomFor = rest?.kind === "sleeps" ? rest.madeRoomFor : undefined;
  return [{ at: new Date().toISOString(), name, reason, message, ...(madeRoomFor !== undefined && { madeRoomFor }) }];
}

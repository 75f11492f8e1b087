import * as z from "zod";
import { GROUP_VERSION } from "../../api/constants.ts";
import type { WantedCondition } from "../../kube/conditions.ts";
import type { EventNote } from "../../kube/events/event.ts";
import type { ResourceKind } from "../../kube/kinds.ts";
import type { ManifestView } from "../watch/manifest-view.ts";

/**
 * Tells of one condition whose status or reason has become another one since `view`, as an event on the object: a message that moves, as
 * numbers do, is only in the condition. To be called after the status was written.
 */
export type Telling = (
  kind: ResourceKind,
  view: ManifestView<unknown>,
  conditions: readonly WantedCondition[],
  type: string,
) => void;

const schema = z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() }));

export function telling(record: (event: EventNote) => void): Telling {
  return (kind, { name, namespace, uid, status }, conditions, type) => {
    const now = conditions.find((one) => one.type === type);
    const before = schema.safeParse(status["conditions"]).data?.find((one) => one.type === type);
    if (now === undefined || now.status === "Unknown") return;
    if (before?.status === now.status && before?.reason === now.reason) return;
    record({
      regarding: { apiVersion: GROUP_VERSION, kind: kind.kind, name, namespace, uid },
      type: now.status === "True" ? "Normal" : "Warning",
      reason: now.reason,
      action: "Reconcile",
      note: now.message,
    });
  };
}

/** That the pods of a service are replaced, and why. */
export function rolloutNote({ name, namespace, uid }: ManifestView<unknown>, reason: string): EventNote {
  return {
    regarding: { apiVersion: GROUP_VERSION, kind: "InferenceService", name, namespace, uid },
    type: "Normal",
    reason: "RollingOut",
    action: "Reconcile",
    note: `its pods are replaced: ${reason}`,
  };
}

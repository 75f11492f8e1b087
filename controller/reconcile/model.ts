import { MODEL_CONDITION } from "../../api/fleet.ts";
import type { Model } from "../../api/model.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { Outcome } from "../../kube/queue.ts";
import { unservedModel } from "../../serving/settings.ts";
import type { HeaderBook } from "../headers/book.ts";
import { type HeaderFacts, modelStatus } from "../status/model-status.ts";
import type { Fleet } from "../watch/fleet.ts";
import type { ModelView } from "../watch/manifest-view.ts";
import { isCurrent, type StatusWriter } from "../write/status-writer.ts";
import type { Telling } from "./telling.ts";

export interface ModelReconcilerOptions {
  readonly fleet: Fleet;
  readonly headers: HeaderBook;
  readonly status: StatusWriter;
  readonly tell: Telling;
}

/** Reads the header of a Model for Macs, and says in its status what is in it. */
export function modelReconciler({ fleet, headers, status, tell }: ModelReconcilerOptions) {
  return async (key: string): Promise<Outcome> => {
    const view = fleet.models.get(key);
    if (view === undefined || view.isDeleting) return DONE;
    if (view.manifest.ok && !isForMacs(view.manifest.value)) return DONE;
    // A restarted controller reads no header of which it has said all there is to say.
    if (isCurrent(view, MODEL_CONDITION, "True")) return DONE;
    const { facts, againInMs } = look(view, headers);
    const wanted = modelStatus(facts, view.generation, view.isOthersToo);
    const written = await status.write(KINDS.model, view, wanted);
    if (!written.ok) return written.kind === "not-found" || written.kind === "conflict" ? DONE : written;
    if (written.value.wrote) tell(KINDS.model, view, wanted.conditions, MODEL_CONDITION);
    const again = [againInMs, written.value.againAfterMs].filter((one) => one !== undefined);
    return { ok: true, againAfterMs: again.length === 0 ? undefined : Math.min(...again) };
  };
}

const DONE: Outcome = { ok: true };

/** By this the header book wakes a Model. */
export function modelWaiter(key: string): string {
  return `model ${key}`;
}

function isForMacs({ spec }: Model): boolean {
  return spec.hardware?.accelerator === "metal";
}

function look(view: ModelView, headers: HeaderBook): { facts: HeaderFacts; againInMs?: number | undefined } {
  const failed = (reason: string, message: string): HeaderFacts => ({ state: "failed", reason, message });
  if (!view.manifest.ok) return { facts: failed("InvalidSpec", view.manifest.error) };
  const { spec } = view.manifest.value;
  const unserved = unservedModel(spec);
  if (unserved !== undefined) return { facts: failed("InvalidSpec", unserved) };
  const header = headers.look({ source: spec.source }, modelWaiter(view.key), `${view.uid}/${view.generation}`);
  if (header.state !== "failed") return { facts: header };
  return { facts: failed("MemoryCheckFailed", header.failure.error), againInMs: header.againInMs };
}

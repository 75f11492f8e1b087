import type { Desired } from "../workload/desired.ts";
import type { Preparation, Preparer } from "../workload/prepare.ts";
import type { Entry } from "./entry.ts";

/**
 * How old the preparation of a server that is Ready may be, in milliseconds. Nothing about it is decided by that: it only costs a look at
 * each of its files.
 */
const READY_MS = 5000;

/** Prepares what a start needs, and updates the estimate once the header has been read. Undefined for what should not run. */
export function prepareEntry(
  entry: Entry,
  desired: Desired | undefined,
  { prepare }: Preparer,
  now: number,
): Preparation | undefined {
  if (entry.running === undefined) entry.need = undefined;
  if (desired?.kind !== "run") return undefined;
  const { workload } = desired;
  const { prepared, running } = entry;
  const recent = prepared?.workload === workload && now - prepared.at < READY_MS;
  // Whether it restarts with other keys depends on whether it could start now.
  const unused = running?.phase === "ready" && running.started.fields.apiKeyFile === undefined;
  if (recent && unused) return prepared.preparation;
  const preparation = prepare(workload);
  entry.missing = running === undefined ? undefined : missingIn(preparation);
  entry.prepared = preparation.stage === "ready" ? { workload, preparation, at: now } : undefined;
  if ("estimateBytes" in preparation && preparation.estimateBytes !== undefined) {
    entry.need = { estimateBytes: preparation.estimateBytes, estimateParts: preparation.estimateParts ?? {} };
  }
  return preparation;
}

/** What a restart would wait for. That the model is too large is said elsewhere, and so is a llama-server that cannot be used. */
function missingIn(preparation: Preparation): string | undefined {
  const { stage } = preparation;
  if (stage === "failed") return preparation.message;
  return stage === "refused" && preparation.reason === "MemoryCheckFailed" ? preparation.message : undefined;
}

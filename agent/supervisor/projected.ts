import { servingBytes } from "../../memory/prompt-cache.ts";
import type { Basis } from "../decisions/projection.ts";
import type { Desired } from "../workload/desired.ts";
import type { Entry } from "./entry.ts";
import type { SupervisorOptions } from "./options.ts";

export function basisOf({ need }: Entry, { serverStamp }: Pick<SupervisorOptions, "serverStamp">): Basis {
  // What the prompt cache takes depends on the answer.
  const estimateBytes = need?.estimateParts === undefined ? need?.estimateBytes : servingBytes(need.estimateParts);
  return { estimateBytes, serverStamp: serverStamp?.() };
}

/** Forgets what llama-server answered about other settings, about another model or as another binary, before it counts for a start. */
export function forgetOldProjection(
  entry: Entry,
  desired: Desired | undefined,
  options: Pick<SupervisorOptions, "serverStamp">,
): void {
  const { running, projection } = entry;
  if (running !== undefined || projection === undefined || desired?.kind !== "run") return;
  const { specHash, bytes, basis } = projection;
  const asking = bytes === undefined;
  if (specHash !== desired.workload.specHash || !(asking || isSame(basis, basisOf(entry, options)))) {
    entry.projection = undefined;
  }
}

/** What is not known at the moment is no reason to ask again. */
function isSame(before: Basis = {}, now: Basis): boolean {
  const sameModel = now.estimateBytes === undefined || before.estimateBytes === now.estimateBytes;
  const bothKnown = before.serverStamp !== undefined && now.serverStamp !== undefined;
  return sameModel && (!bothKnown || before.serverStamp === now.serverStamp);
}

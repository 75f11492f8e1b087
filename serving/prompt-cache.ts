import { parseOnDemand } from "../api/on-demand.ts";
import type { EstimateSettings } from "../memory/estimate/types.ts";
import { noEffectNote, rereadsOf } from "../memory/prompt-cache.ts";
import type { Served } from "../memory/served.ts";

/** A sentence where a service asks for a prompt cache that has no effect with this model; undefined, too, where it asks for none. */
export function askedWithoutEffect(
  served: Served,
  settings: EstimateSettings,
  annotations: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const asked = parseOnDemand(annotations);
  if (!asked.ok || asked.value.promptCache === "off" || (settings.mode ?? "chat") !== "chat") return undefined;
  return noEffectNote(asked.value.promptCache, rereadsOf(served, settings));
}

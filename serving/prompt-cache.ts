import { parseOnDemand } from "../api/on-demand.ts";
import { ok, type Result } from "../api/result.ts";
import type { EstimateSettings } from "../memory/estimate/types.ts";
import { withQuantity } from "../memory/prompt-cache.ts";

/** The settings of a service with the prompt cache that its annotations ask for. Fails with one sentence that names the annotation. */
export function withAskedCache(
  settings: EstimateSettings,
  annotations: Readonly<Record<string, string>> | undefined,
): Result<EstimateSettings> {
  const asked = parseOnDemand(annotations);
  return asked.ok ? ok(withQuantity(settings, asked.value.promptCache)) : asked;
}

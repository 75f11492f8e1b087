import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import { parseOnDemand } from "../api/on-demand.ts";
import { ok, type Result } from "../api/result.ts";
import type { Backend, EstimateSettings } from "../memory/estimate/types.ts";
import { withQuantity } from "../memory/prompt-cache.ts";
import { checkExtraArgs } from "./extra-args.ts";
import { servingSettings } from "./settings.ts";

/** What a service says about its servers. */
export interface Asked {
  readonly spec: InferenceServiceSpec;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * All settings that the memory of one server of a service depends on: its typed fields and extra arguments, and the prompt cache that its
 * annotations ask for as a quantity. Policies, controller and components compute a need with these and no others; the agent charges the
 * same. Fails with one sentence about a field or an annotation that cannot be served.
 */
export function neededSettings({ spec, annotations }: Asked, backend: Backend): Result<EstimateSettings> {
  const extraArgs = checkExtraArgs(spec.extraArgs ?? []);
  if (!extraArgs.ok) return extraArgs;
  const settings = servingSettings(spec, backend);
  if (!settings.ok) return settings;
  const asked = parseOnDemand(annotations);
  return asked.ok ? ok(withQuantity(settings.value, asked.value.promptCache)) : asked;
}

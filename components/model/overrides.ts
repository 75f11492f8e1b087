import * as pulumi from "@pulumi/pulumi";
import { isFields } from "../../api/document.ts";
import { isUnknown } from "../inputs/unknown.ts";

/**
 * `spec` with `override` merged into it last, at whatever depth. Lists and single values take the place of what was there; null is
 * absent, and so takes nothing away. Where an object on either side is an output, so is the result at that place.
 */
export function merged<Spec>(spec: Spec, override: unknown): Spec {
  // The schema of the spec, which comes next, holds the result to its type.
  return mergedValue(spec, override) as Spec;
}

function mergedValue(spec: unknown, override: unknown): unknown {
  if (override === undefined || override === null) return spec;
  if (isUnknown(override)) return joined(spec, override);
  if (!isFields(override)) return override;
  if (isUnknown(spec)) return joined(spec, override);
  const base = isFields(spec) ? spec : {};
  const names = new Set([...Object.keys(base), ...Object.keys(override)]);
  return Object.fromEntries([...names].map((name) => [name, mergedValue(base[name], override[name])]));
}

function joined(spec: unknown, override: unknown): pulumi.Output<unknown> {
  return pulumi.all([spec, override]).apply(([known, own]) => mergedValue(known, own));
}

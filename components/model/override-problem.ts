import * as z from "zod";
import { explain } from "../../api/explain.ts";
import { inferenceServiceSpecSchema } from "../../api/inferenceservice.ts";
import { modelSpecSchema } from "../../api/model.ts";
import type { KnownArgs } from "./args-schema.ts";
import { merged } from "./overrides.ts";
import { modelSpec, serviceSpec } from "./specs.ts";

/** The specs under the names of the arguments that override them, so that messages name those. */
const specsSchema = z.object({
  modelSpec: modelSpecSchema.optional(),
  serviceSpec: inferenceServiceSpecSchema.optional(),
});

/** What an override makes of a spec that was right before. A field that is not known yet is not judged. */
export function overrideProblem(known: KnownArgs, missing: ReadonlySet<string>): string | undefined {
  if (known.modelSpec === undefined && known.serviceSpec === undefined) return undefined;
  if (known.serviceSpec !== undefined && known.serving === undefined && !missing.has("serving")) {
    return "serviceSpec is set, but serving is not, so that nothing serves the model: set serving, at least to an empty object";
  }
  const specs = {
    ...(known.modelSpec && { modelSpec: merged(plainModelSpec(known), known.modelSpec) }),
    ...(known.serviceSpec && { serviceSpec: merged(plainServiceSpec(known), known.serviceSpec) }),
  };
  const issues = specsSchema.safeParse(specs).error?.issues ?? [];
  const faults = missing.size === 0 ? issues : issues.filter(({ path }) => valueAt(specs, path) !== undefined);
  return faults.length > 0 ? explain(specsSchema, specs, faults) : undefined;
}

function plainModelSpec({ serving: _of, ...args }: KnownArgs): object {
  return modelSpec(args as Parameters<typeof modelSpec>[0]) as object;
}

function plainServiceSpec({ modelRef, name = "model", serving = {} }: KnownArgs): object {
  return serviceSpec(modelRef ?? name, serving as Parameters<typeof serviceSpec>[1]) as object;
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    document,
  );
}

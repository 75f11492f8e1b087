import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { explain } from "../api/explain.ts";
import { inferenceServiceSpecSchema } from "../api/inferenceservice.ts";
import { pathText } from "../api/schema-walk.ts";
import { refusedSettings } from "../memory/estimate/estimate.ts";
import { checkExtraArgs } from "../serving/extra-args.ts";
import { servingSettings } from "../serving/settings.ts";
import type { LlmModelArgs } from "./args.ts";
import { llmModelArgsSchema, servingSchema } from "./args-schema.ts";
import { serviceSpec } from "./specs.ts";
import { mapUnknown } from "./unknown.ts";

/** What is wrong with arguments, as one clause. Fields that are not known yet are absent from `known`, and named by `missing`. */
type Judge = (known: unknown, missing: ReadonlySet<string>) => string | undefined;

/** The arguments of `LlmModel`, checked: see {@link checked}. */
export function checkedArgs(args: LlmModelArgs, refuse: (problem: string) => never): LlmModelArgs {
  return checked(args, problemOfModel, refuse);
}

/**
 * The same arguments, with every value checked before it reaches a resource: plain values now, outputs as soon as they
 * are known, each together with what is known by then. `refuse` gets one clause, which never holds a secret, and
 * throws.
 */
export function checked<Args extends object>(args: Args, judge: Judge, refuse: (problem: string) => never): Args {
  const arrived = new Map<string, unknown>();
  const problem = problemOf(args, judge, arrived);
  if (problem !== undefined) refuse(problem);
  const copy = mapUnknown(args, (value, path) =>
    pulumi.output(value).apply(async (resolved) => {
      const field = pathText(path);
      arrived.set(field, resolved);
      const found = problemOf(args, judge, arrived);
      if (found === undefined) return resolved;
      arrived.delete(field);
      const secret = await pulumi.isSecret(pulumi.output(value));
      return refuse(secret ? `${field} is not valid; its value is secret and not shown` : found);
    }),
  );
  // The copy differs from args only in that each output is replaced by an output of the same type.
  return copy as Args;
}

/**
 * What is wrong with the values that are known so far, as one clause. `arrived` has the values of outputs by their
 * paths.
 */
function problemOf(args: object, judge: Judge, arrived: ReadonlyMap<string, unknown>): string | undefined {
  const missing = new Set<string>();
  const known = mapUnknown(args, (_, path) => {
    const field = pathText(path);
    if (!arrived.has(field)) missing.add(field);
    return arrived.get(field);
  });
  return judge(known, missing);
}

/** What a schema finds wrong with the values that are known. */
export function schemaProblem(schema: z.ZodType, known: unknown, missing: ReadonlySet<string>): string | undefined {
  const issues = schema.safeParse(known).error?.issues ?? [];
  const faults = issues.filter(({ path }) => !missing.has(pathText(path)));
  return faults.length > 0 ? explain(schema, known, faults) : undefined;
}

function problemOfModel(known: unknown, missing: ReadonlySet<string>): string | undefined {
  if (missing.has("serving"))
    return "serving must be a plain object, not an output, because it decides which resources are created";
  return schemaProblem(llmModelArgsSchema, known, missing) ?? servingProblem(known, missing);
}

/** Checks the rules across the fields of `serving`. A field that is not known yet counts as absent. */
function servingProblem(known: unknown, missing: ReadonlySet<string>): string | undefined {
  const serving = z.object({ serving: servingSchema }).safeParse(known).data?.serving;
  if (serving?.draftTokens !== undefined && serving.draftModel === undefined && !missing.has("serving.draftModel")) {
    return "serving.draftTokens is set, but serving.draftModel is not: name the draft model";
  }
  const spec = serving && inferenceServiceSpecSchema.safeParse(serviceSpec("model", serving)).data;
  if (spec === undefined) return undefined;
  const extraArgs = checkExtraArgs(spec.extraArgs ?? []);
  if (!extraArgs.ok) return extraArgs.error;
  const settings = servingSettings(spec, "metal");
  return settings.ok ? refusedSettings(settings.value) : settings.error;
}

import type * as z from "zod";
import { explain, shown } from "../../api/explain.ts";
import { inferenceServiceSpecSchema } from "../../api/inferenceservice.ts";
import { modelSpecSchema } from "../../api/model.ts";
import { fieldPaths, pathText } from "../../api/schema-walk.ts";
import { SERVER_DEFAULTS } from "../../api/server-defaults.ts";
import { addressProblem } from "../../fetch/address-problem.ts";
import { isQuantized } from "../../memory/estimate/cache-types.ts";
import { checkExtraArgs, type SettingNames } from "../../serving/extra-args.ts";
import { faultsOf } from "../inputs/check.ts";
import { type KnownArgs, llmModelArgsSchema } from "./args-schema.ts";
import { modelRefProblem } from "./model-ref.ts";
import { onDemandProblem } from "./on-demand.ts";
import { overrideProblem } from "./override-problem.ts";
import { waitProblem } from "./wait-for-ready.ts";

/** What a person writes in place of the fields that messages of `serving/` name. */
const ARGUMENT_NAMES: SettingNames = {
  extraArgs: "serving.extraArgs",
  contextSize: "serving.contextSize",
  parallelSlots: "serving.parallelSlots",
  cacheTypeK: "serving.cacheTypeK",
  cacheTypeV: "serving.cacheTypeV",
  flashAttention: "serving.flashAttention",
  batchSize: "serving.batchSize",
  uBatchSize: "serving.uBatchSize",
  gpuLayers: "gpuLayers",
  source: "source",
  mmproj: "mmproj",
  draft: "serving.draftModel",
  jinja: "serving.jinja",
  noWarmup: "serviceSpec.noWarmup",
  port: "serving.port",
};

/** A Service has a DNS label for its name, and so has a label's value. */
const LONGEST_SERVED_NAME = 63;

const ARGUMENTS: ReadonlySet<string> = new Set(fieldPaths(llmModelArgsSchema).map((path) => path.at(-1) ?? ""));

type Missing = ReadonlySet<string>;
type Rule = (known: KnownArgs, missing: Missing) => string | undefined;

/** What is wrong with arguments of `LlmModel` as far as they are known, as one clause in the names of the arguments. */
export function problemOfModel(known: unknown, missing: Missing): string | undefined {
  const faults = faultsOf(llmModelArgsSchema, known, missing);
  if (faults.length > 0) return otherField(faults) ?? explain(llmModelArgsSchema, known, faults);
  for (const rule of RULES) {
    const problem = rule(known as KnownArgs, missing);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Each holds a rule across fields. A field that is not known yet breaks none. */
const RULES: readonly Rule[] = [
  modelRefProblem,
  waitProblem,
  ({ source, format = "gguf" }, missing) =>
    format === "gguf" && !missing.has("format") ? addressProblem("source", source) : undefined,
  ({ mmproj }) => addressProblem("mmproj", mmproj),
  ({ name, serving }, missing) => {
    const served = serving !== undefined || missing.has("serving");
    if (name === undefined || !served || name.length <= LONGEST_SERVED_NAME) return undefined;
    const limit = `with serving it must have at most ${LONGEST_SERVED_NAME}, as the names of Services`;
    return `name is ${shown(name)}, of ${name.length} characters; ${limit}: set a shorter name`;
  },
  ({ serving }, missing) =>
    serving?.draftTokens !== undefined && serving.draftModel === undefined && !missing.has("serving.draftModel")
      ? "serving.draftTokens is set, but serving.draftModel is not: name the draft model"
      : undefined,
  ({ name, serving }) =>
    serving?.draftModel !== undefined && serving.draftModel === name
      ? `serving.draftModel is ${shown(name)}, which is this model itself; it must be the name of a smaller Model`
      : undefined,
  ({ serving }) =>
    serving?.cacheTypeV !== undefined && isQuantized(serving.cacheTypeV) && serving.flashAttention === false
      ? `serving.cacheTypeV is ${serving.cacheTypeV}, which needs flash attention; set serving.flashAttention to true, or serving.cacheTypeV to f16`
      : undefined,
  ({ serving, serviceSpec }, missing) => {
    const mayEmbed = (serviceSpec?.["mode"] ?? "chat") !== "chat" || missing.has("serviceSpec");
    // Embeddings have a batch as long as the micro-batch, unless somebody says otherwise.
    const { uBatchSize, batchSize = mayEmbed ? undefined : SERVER_DEFAULTS.batchSize } = serving ?? {};
    if (uBatchSize === undefined || batchSize === undefined) return undefined;
    if (missing.has("serving.batchSize") || uBatchSize <= batchSize) return undefined;
    const byDefault = serving?.batchSize === undefined ? " by default" : "";
    return `serving.uBatchSize is ${uBatchSize}, more than serving.batchSize, which is ${batchSize}${byDefault}; it must be at most that`;
  },
  ({ serving }, missing) => {
    if ([...missing].some((path) => path.startsWith("serving.extraArgs"))) return undefined;
    const checked = checkExtraArgs(serving?.extraArgs ?? [], ARGUMENT_NAMES);
    return checked.ok ? undefined : checked.error;
  },
  onDemandProblem,
  overrideProblem,
];

/** Where an unknown argument is a field of the Model or the InferenceService for which there is no argument. */
function otherField(faults: readonly z.core.$ZodIssue[]): string | undefined {
  const issue = faults.find(({ code }) => code === "unrecognized_keys");
  const name = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  if (issue === undefined || name === undefined || ARGUMENTS.has(name)) return undefined;
  const override = [
    { field: "modelSpec", fields: modelSpecSchema.shape },
    { field: "serviceSpec", fields: inferenceServiceSpecSchema.shape },
  ].find(({ fields }) => Object.hasOwn(fields, name));
  return override && `${pathText([...issue.path, name])} is not a field; set ${override.field}.${name}`;
}

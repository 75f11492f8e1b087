import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import type { Speculation } from "../../serving/speculation.ts";
import type { SupportedFlags } from "./supported-flags.ts";

export type Mode = "chat" | "embedding" | "rerank";

/** All that a llama-server is started with, each from a typed field of Model or InferenceService. */
export interface ServerFields {
  /** `namespace/name`, which the API shows as the model's name. */
  readonly name: string;
  /** The address that it listens on: loopback, unless the source of the workload says otherwise. */
  readonly host: string;
  readonly port: number;
  readonly mode: Mode;
  readonly settings: EstimateSettings;
  /** Holds the keys that a request must have one of; undefined: none is asked for. */
  readonly apiKeyFile: string | undefined;
  /** Layers on the GPU; undefined: all. */
  readonly gpuLayers: number | undefined;
  readonly ropeScaling: InferenceServiceSpec["ropeScaling"];
  readonly speculation: Speculation | undefined;
  readonly jinja: boolean | undefined;
  readonly noWarmup: boolean | undefined;
  readonly reasoningBudget: number | undefined;
  readonly reasoningBudgetMessage: string | undefined;
  /** Passed by checkExtraArgs. */
  readonly extraArgs: readonly string[];
}

/** What a server reads: the weights, and what is served beside them. Paths on this machine. */
export interface ModelPaths {
  readonly model: string;
  readonly mmproj?: string;
  readonly draft?: string;
}

/** More layers than any model has. */
const ALL_LAYERS = 999;

/**
 * The argument list of a llama-server that has `options`. What moves memory is always explicit, because defaults change
 * between versions: no prompt cache and no checkpoints, which would grow past any estimate (LLMKube#1406); weights in
 * the process's own memory, so that the footprint counts them (docs/background/apple-memory.md, "Footprint"); no
 * fitting by the server itself. Loopback only. A feature that an older server has no option to turn off for is one that
 * it does not have.
 */
export function serverFlags(fields: ServerFields, paths: ModelPaths, options: SupportedFlags): readonly string[] {
  const { settings } = fields;
  return [
    ...["--model", paths.model, "--alias", fields.name],
    ...(paths.mmproj === undefined ? [] : ["--mmproj", paths.mmproj]),
    ...["--host", fields.host, "--port", String(fields.port)],
    ...(fields.apiKeyFile === undefined ? [] : ["--api-key-file", fields.apiKeyFile]),
    ...["--ctx-size", String(settings.contextSize)],
    ...["--parallel", settings.parallel === "auto" ? "-1" : String(settings.parallel)],
    ...["--cache-type-k", settings.cacheTypeK, "--cache-type-v", settings.cacheTypeV],
    ...["--flash-attn", settings.flashAttention ? "on" : "off"],
    ...["--batch-size", String(settings.batchSize), "--ubatch-size", String(settings.ubatchSize)],
    ...deviceFlags(fields),
    ...(options.has("--load-mode") ? ["--load-mode", "none"] : ["--no-mmap"]),
    ...(paths.draft === undefined ? [] : draftFlags(paths.draft, fields)),
    ...DEFAULTS.flatMap((choices) => choices.find(([option = ""]) => options.has(option)) ?? []),
    ...optionalFlags(fields).flatMap(({ flag }) => (options.has(flag[0]) ? flag : [])),
    ...fields.extraArgs,
  ];
}

/**
 * The same server, which says what it would reserve before it reads the weights: for that it must be let to think about fitting,
 * though every size is given and there is nothing to fit. Undefined where it cannot say.
 */
export function projectionFlags(
  fields: ServerFields,
  paths: ModelPaths,
  options: SupportedFlags,
): readonly string[] | undefined {
  if (!options.has("--fit") || !options.has("--log-verbosity")) return undefined;
  const flags = serverFlags(fields, paths, options);
  const fit = flags.indexOf("--fit");
  return [...flags.slice(0, fit), "--fit", "on", ...flags.slice(fit + 2), "--log-verbosity", "4", "--no-warmup"];
}

/** Set for every server that knows one of the spellings. */
const DEFAULTS: readonly (readonly (readonly string[])[])[] = [
  [["--cache-ram", "0"]],
  [
    ["--ctx-checkpoints", "0"],
    ["--swa-checkpoints", "0"],
  ],
  [["--no-repack"]],
  [["--fit", "off"]],
  [["--metrics"]],
  [["--no-ui"], ["--no-webui"]],
  [["--offline"]],
];

interface OptionalFlag {
  readonly field: string;
  readonly flag: readonly [option: string, ...values: readonly string[]];
}

type AddFlag = (field: string, ...flag: OptionalFlag["flag"]) => void;

function optionalFlags(fields: ServerFields): readonly OptionalFlag[] {
  const { mode, settings, speculation, jinja, noWarmup, reasoningBudget, reasoningBudgetMessage } = fields;
  const flags: OptionalFlag[] = [];
  const add: AddFlag = (field, ...flag) => {
    flags.push({ field, flag });
  };
  if (mode === "embedding") add("mode", "--embeddings");
  if (mode === "rerank") add("mode", "--reranking");
  if (jinja !== undefined) add("jinja", jinja ? "--jinja" : "--no-jinja");
  if (noWarmup) add("noWarmup", "--no-warmup");
  if (settings.moeCpu) add("moeCPUOffload", "--cpu-moe");
  if (settings.moeCpuLayers !== undefined) add("moeCPULayers", "--n-cpu-moe", String(settings.moeCpuLayers));
  addRopeScaling(fields, add);
  if (speculation?.type === "ngram-simple") {
    add("speculativeDecoding", "--spec-type", "ngram-simple");
    add("speculativeDecoding", "--spec-ngram-simple-size-m", String(speculation.draftTokens));
  }
  if (reasoningBudget !== undefined) add("reasoningBudget", "--reasoning-budget", String(reasoningBudget));
  if (reasoningBudgetMessage) {
    add("reasoningBudgetMessage", "--reasoning-budget-message", reasoningBudgetMessage);
  }
  return flags;
}

function addRopeScaling({ ropeScaling }: ServerFields, add: AddFlag): void {
  if (ropeScaling === undefined) return;
  const { type, factor, originalContext } = ropeScaling;
  add("ropeScaling", "--rope-scaling", type);
  if (factor !== undefined) add("ropeScaling.factor", "--rope-scale", factor);
  if (originalContext !== undefined) add("ropeScaling.originalContext", "--yarn-orig-ctx", String(originalContext));
}

/** A server without these options is not started for a draft model: see {@link missingDraftOption}. */
function draftFlags(path: string, { speculation, settings, gpuLayers }: ServerFields): readonly string[] {
  if (speculation?.type !== "draft-simple") return [];
  const { draftTokens, pMin } = speculation;
  const layers = settings.backend === "cpu" ? "0" : String(gpuLayers ?? ALL_LAYERS);
  return [
    ...["--spec-type", "draft-simple", "--spec-draft-model", path, "--spec-draft-n-max", String(draftTokens)],
    ...["--spec-draft-type-k", "f16", "--spec-draft-type-v", "f16", "--spec-draft-ngl", layers],
    ...(pMin === undefined ? [] : ["--spec-draft-p-min", String(pMin)]),
  ];
}

/** An option that drafting with a model needs and this llama-server does not have. */
export function missingDraftOption(
  paths: ModelPaths,
  fields: ServerFields,
  options: SupportedFlags,
): string | undefined {
  if (paths.draft === undefined) return undefined;
  return draftFlags(paths.draft, fields).find((flag) => flag.startsWith("--") && !options.has(flag));
}

/** What is asked for and this llama-server cannot do, one sentence each. */
export function missingOptions(fields: ServerFields, options: SupportedFlags): readonly string[] {
  return optionalFlags(fields)
    .filter(({ flag }) => !options.has(flag[0]))
    .map(({ field, flag }) => `spec.${field} is not acted on: this llama-server has no ${flag[0]}`);
}

/** `--device none` too: without layers on it, a GPU would still be used for prompts. */
function deviceFlags({ settings, gpuLayers }: ServerFields): readonly string[] {
  if (settings.backend === "cpu") return ["--device", "none", "--n-gpu-layers", "0"];
  return ["--n-gpu-layers", String(gpuLayers ?? ALL_LAYERS)];
}

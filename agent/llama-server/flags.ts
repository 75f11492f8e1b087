import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import { batchesOf } from "../../memory/estimate/batches.ts";
import type { EstimateSettings, Mode } from "../../memory/estimate/types.ts";
import { LOAD_MODE } from "../../serving/default-settings.ts";
import type { Speculation } from "../../serving/speculation.ts";
import type { SupportedFlags } from "./supported-flags.ts";

/** Everything that a llama-server is started with. Each value comes from a typed field of Model or InferenceService. */
export interface ServerFields {
  /** `namespace/name`, which the server's API reports as the model's name. */
  readonly name: string;
  /** The address that it listens on, chosen by the source of the workload: loopback for a directory. */
  readonly host: string;
  readonly port: number;
  readonly mode: Mode;
  readonly settings: EstimateSettings;
  /** File with the accepted API keys; undefined if requests need none. */
  readonly apiKeyFile: string | undefined;
  /** Layers on the GPU; undefined for all. */
  readonly gpuLayers: number | undefined;
  /** By which this llama-server names the GPU; undefined without one. */
  readonly deviceName?: string | undefined;
  readonly ropeScaling: InferenceServiceSpec["ropeScaling"];
  readonly speculation: Speculation | undefined;
  readonly jinja: boolean | undefined;
  readonly noWarmup: boolean | undefined;
  readonly reasoningBudget: number | undefined;
  readonly reasoningBudgetMessage: string | undefined;
  /** Already checked by checkExtraArgs. */
  readonly extraArgs: readonly string[];
}

/** Paths on this machine of the files that a server reads: the weights, and its projector and draft model if it has them. */
export interface ModelPaths {
  readonly model: string;
  readonly mmproj?: string;
  readonly draft?: string;
  /** The GPU can hold the model's only token table ({@link isTableForGpu}). */
  readonly tableForGpu?: boolean;
  /** An input may be longer than a physical batch ({@link canSplitInputs}); undefined: as if not. */
  readonly splitsInputs?: boolean;
  /** Size of the prompt cache in MiB; undefined: none. Decided at the start, by what the budget leaves. */
  readonly promptCacheMiB?: number;
  /** Context checkpoints of each slot, for a prompt cache that needs them; undefined: none. */
  readonly checkpoints?: number;
  /** Folder for the caches of its slots; undefined: it saves none. */
  readonly slotSavePath?: string;
}

/** What a llama-server that supports everything does: for what must not depend on the one that is installed. */
export const EVERY_OPTION: Pick<SupportedFlags, "has"> = { has: () => true };

/** More layers than any model has. */
const ALL_LAYERS = 999;

/**
 * The argument list for a llama-server that supports `options`. Everything that affects memory is explicit, because defaults change
 * between versions:
 *
 * - no prompt cache and no context checkpoints but those that are counted: they would grow past any estimate (LLMKube#1406);
 * - weights in the process's own memory, so that its footprint counts them (docs/background/apple-memory.md, "Footprint"), none of them
 *   mapped lazily;
 * - tied embeddings once, where the GPU can hold the only copy;
 * - no automatic fitting by the server.
 *
 * An older server that lacks the option to turn a feature off does not have that feature either.
 */
export function serverFlags(
  fields: ServerFields,
  paths: ModelPaths,
  options: Pick<SupportedFlags, "has">,
): readonly string[] {
  const { settings } = fields;
  const { batchSize, ubatchSize } = batchesOf(settings, paths.splitsInputs === true);
  return [
    ...["--model", paths.model, "--alias", fields.name],
    ...(paths.mmproj === undefined ? [] : ["--mmproj", paths.mmproj]),
    ...["--host", fields.host, "--port", String(fields.port)],
    ...(fields.apiKeyFile === undefined ? [] : ["--api-key-file", fields.apiKeyFile]),
    ...["--ctx-size", String(settings.contextSize)],
    ...["--parallel", settings.parallel === "auto" ? "-1" : String(settings.parallel)],
    ...["--cache-type-k", settings.cacheTypeK, "--cache-type-v", settings.cacheTypeV],
    ...["--flash-attn", settings.flashAttention ? "on" : "off"],
    ...["--batch-size", String(batchSize), "--ubatch-size", String(ubatchSize)],
    ...deviceFlags(fields),
    ...(options.has("--load-mode") ? ["--load-mode", LOAD_MODE] : ["--no-mmap"]),
    ...(paths.tableForGpu && placesTable(fields, options) ? tableFlags(fields) : []),
    ...(paths.draft === undefined ? [] : draftFlags(paths.draft, fields)),
    ...DEFAULTS.flatMap((choices) => withCacheSize(choices.find(([option = ""]) => options.has(option)) ?? [], paths)),
    ...(paths.slotSavePath === undefined ? [] : [SLOT_SAVE_PATH, paths.slotSavePath]),
    ...optionalFlags(fields).flatMap(({ flag }) => (options.has(flag[0]) ? flag : [])),
    ...fields.extraArgs,
  ];
}

/** llama-server listens before it loads anything. With port 0 the system gives it a port that nobody has. */
const ANY_PORT = 0;
/** The sizes of the single buffers, which tell what the table counts twice, are printed at the level of debug alone. */
const DEBUG = "5";

/**
 * The argument list for a projection: the same server, but it prints its memory breakdown before it reads the weights. It does so
 * only with `--fit on`; nothing is fitted, because every size is given. Undefined if this llama-server cannot print it.
 */
export function projectionFlags(
  fields: ServerFields,
  paths: ModelPaths,
  options: SupportedFlags,
): readonly string[] | undefined {
  if (!options.has("--fit") || !options.has("--log-verbosity")) return undefined;
  const flags = serverFlags({ ...fields, port: ANY_PORT }, { ...paths, promptCacheMiB: 0, checkpoints: 0 }, options);
  const fit = flags.indexOf("--fit");
  return [...flags.slice(0, fit), "--fit", "on", ...flags.slice(fit + 2), "--log-verbosity", DEBUG, "--no-warmup"];
}

/**
 * Whether the server is told to put a tied token table with the GPU alone, which saves a second copy (docs/decisions/one-token-table.md).
 * Not where no layer is on the GPU: then there is no second copy. Not by the name that older builds have for the GPU: an upgrade under a
 * running agent would change it, and llama-server ends at a name that it does not know.
 */
export function placesTable(
  { settings, deviceName, gpuLayers }: ServerFields,
  options: Pick<SupportedFlags, "has">,
): boolean {
  const isNamed = deviceName !== undefined && LASTING_NAME.test(deviceName);
  return settings.backend === "metal" && gpuLayers !== 0 && isNamed && options.has(OVERRIDE_TENSOR);
}

const OVERRIDE_TENSOR = "--override-tensor";
const LASTING_NAME = /^MTL\d+$/;

function tableFlags({ deviceName }: ServerFields): readonly string[] {
  return [OVERRIDE_TENSOR, `^token_embd\\.weight$=${deviceName}`];
}

/** Size of the prompt cache in MiB; 0 turns it off. */
export const CACHE_RAM = "--cache-ram";

/** Folder to which it may save the caches of its slots when it is asked to, and which must be there. */
export const SLOT_SAVE_PATH = "--slot-save-path";

/** Context checkpoints of each slot; 0 turns them off. */
const CHECKPOINT_OPTIONS: readonly string[] = ["--ctx-checkpoints", "--swa-checkpoints"];

/** Options for every server. Each inner list holds the spellings of one option, preferred first; the first supported one is used. */
const DEFAULTS: readonly (readonly (readonly string[])[])[] = [
  [[CACHE_RAM, "0"]],
  CHECKPOINT_OPTIONS.map((option) => [option, "0"]),
  [["--lazy-mode", "off"]],
  [["--no-repack"]],
  [["--fit", "off"]],
  [["--metrics"]],
  [["--no-ui"], ["--no-webui"]],
  [["--offline"]],
];

function withCacheSize(
  flag: readonly string[],
  { promptCacheMiB = 0, checkpoints = 0 }: ModelPaths,
): readonly string[] {
  const [option = ""] = flag;
  if (option === CACHE_RAM) return [option, String(promptCacheMiB)];
  return CHECKPOINT_OPTIONS.includes(option) ? [option, String(checkpoints)] : flag;
}

/** Of the options for every server, those of which `before` supports a spelling and `after` none: each in its preferred one. */
export function lostOptions(
  before: Pick<SupportedFlags, "has">,
  after: Pick<SupportedFlags, "has">,
): readonly string[] {
  const knows = (options: Pick<SupportedFlags, "has">, choices: (typeof DEFAULTS)[number]) =>
    choices.some(([option = ""]) => options.has(option));
  return DEFAULTS.filter((choices) => knows(before, choices) && !knows(after, choices)).flatMap(
    ([preferred]) => preferred?.[0] ?? [],
  );
}

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

/** Options for a draft model. A server that lacks one of them is not started: see {@link missingDraftOption}. */
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

/** The first option that a draft model needs and that this llama-server does not support; undefined if there is none. */
export function missingDraftOption(
  paths: ModelPaths,
  fields: ServerFields,
  options: SupportedFlags,
): string | undefined {
  if (paths.draft === undefined) return undefined;
  return draftFlags(paths.draft, fields).find((flag) => flag.startsWith("--") && !options.has(flag));
}

/** One note for each field that has no effect because this llama-server does not support its option. */
export function missingOptions(fields: ServerFields, options: SupportedFlags): readonly string[] {
  return optionalFlags(fields)
    .filter(({ flag }) => !options.has(flag[0]))
    .map(({ field, flag }) => `spec.${field} has no effect: this llama-server does not support ${flag[0]}`);
}

/** On the CPU `--device none` is needed too: with 0 layers llama-server would still use the GPU for prompts. */
function deviceFlags({ settings, gpuLayers }: ServerFields): readonly string[] {
  if (settings.backend === "cpu") return ["--device", "none", "--n-gpu-layers", "0"];
  return ["--n-gpu-layers", String(gpuLayers ?? ALL_LAYERS)];
}

import type { EstimateSettings } from "../memory/estimate/types.ts";
import type { ServerOptions } from "./server-options.ts";

export type Mode = "chat" | "embedding" | "rerank";

/** All that a llama-server is started with, each from a typed field of Model or InferenceService. */
export interface ServerFields {
  /** `namespace/name`, which the API shows as the model's name. */
  readonly name: string;
  readonly port: number;
  readonly mode: Mode;
  readonly settings: EstimateSettings;
  /** Layers on the GPU; undefined: all. */
  readonly gpuLayers: number | undefined;
  readonly jinja: boolean | undefined;
  readonly noWarmup: boolean | undefined;
  readonly reasoningBudget: number | undefined;
  readonly reasoningBudgetMessage: string | undefined;
  /** Passed by checkExtraArgs. */
  readonly extraArgs: readonly string[];
}

/** More layers than any model has. */
const ALL_LAYERS = 999;

/**
 * The argument list of a llama-server that has `options`. What moves memory is always explicit, because defaults change
 * between versions: no prompt cache and no checkpoints, which would grow past any estimate (#1406); weights in the
 * process's own memory, so that the footprint counts them (apple-memory.md §3); no fitting by the server itself. Loopback
 * only. A feature that an older server has no option to turn off for is one that it does not have.
 */
export function serverFlags(fields: ServerFields, modelPath: string, options: ServerOptions): readonly string[] {
  const { settings } = fields;
  return [
    ...["--model", modelPath, "--alias", fields.name],
    ...["--host", "127.0.0.1", "--port", String(fields.port)],
    ...["--ctx-size", String(settings.contextSize)],
    ...["--parallel", settings.parallel === "auto" ? "-1" : String(settings.parallel)],
    ...["--cache-type-k", settings.cacheTypeK, "--cache-type-v", settings.cacheTypeV],
    ...["--flash-attn", settings.flashAttention ? "on" : "off"],
    ...["--batch-size", String(settings.batchSize), "--ubatch-size", String(settings.ubatchSize)],
    ...deviceFlags(fields),
    ...(options.has("--load-mode") ? ["--load-mode", "none"] : ["--no-mmap"]),
    ...DEFAULTS.flatMap((choices) => choices.find(([option = ""]) => options.has(option)) ?? []),
    ...optionalFlags(fields).flatMap(({ flag }) => (options.has(flag[0]) ? flag : [])),
    ...fields.extraArgs,
  ];
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

function optionalFlags(fields: ServerFields): readonly OptionalFlag[] {
  const { mode, jinja, noWarmup, reasoningBudget, reasoningBudgetMessage } = fields;
  const flags: OptionalFlag[] = [];
  const add = (field: string, ...flag: OptionalFlag["flag"]) => flags.push({ field, flag });
  if (mode === "embedding") add("mode", "--embeddings");
  if (mode === "rerank") add("mode", "--reranking");
  if (jinja !== undefined) add("jinja", jinja ? "--jinja" : "--no-jinja");
  if (noWarmup) add("noWarmup", "--no-warmup");
  if (reasoningBudget !== undefined) add("reasoningBudget", "--reasoning-budget", String(reasoningBudget));
  if (reasoningBudgetMessage) {
    add("reasoningBudgetMessage", "--reasoning-budget-message", reasoningBudgetMessage);
  }
  return flags;
}

/** What is asked for and this llama-server cannot do, one sentence each. */
export function missingOptions(fields: ServerFields, options: ServerOptions): readonly string[] {
  return optionalFlags(fields)
    .filter(({ flag }) => !options.has(flag[0]))
    .map(({ field, flag }) => `spec.${field} is not acted on: this llama-server has no ${flag[0]}`);
}

/** `--device none` too: without layers on it, a GPU would still be used for prompts. */
function deviceFlags({ settings, gpuLayers }: ServerFields): readonly string[] {
  if (settings.backend === "cpu") return ["--device", "none", "--n-gpu-layers", "0"];
  return ["--n-gpu-layers", String(gpuLayers ?? ALL_LAYERS)];
}

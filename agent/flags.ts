import type { EstimateSettings } from "../memory/estimate/types.ts";

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
 * The argument list of llama-server. What moves memory is always explicit, because defaults change between versions:
 * no prompt cache and no checkpoints, which would grow past any estimate (#1406); weights in the process's own memory, so
 * that the footprint counts them (apple-memory.md §3); no fitting by the server itself. Loopback only.
 */
export function serverFlags(fields: ServerFields, modelPath: string): readonly string[] {
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
    ...["--cache-ram", "0", "--ctx-checkpoints", "0"],
    ...["--load-mode", "none", "--no-repack", "--fit", "off", "--no-ui", "--offline"],
    ...modeFlags(fields.mode),
    ...(fields.jinja === undefined ? [] : [fields.jinja ? "--jinja" : "--no-jinja"]),
    ...(fields.noWarmup ? ["--no-warmup"] : []),
    ...(fields.reasoningBudget === undefined ? [] : ["--reasoning-budget", String(fields.reasoningBudget)]),
    ...(fields.reasoningBudgetMessage ? ["--reasoning-budget-message", fields.reasoningBudgetMessage] : []),
    ...fields.extraArgs,
  ];
}

/** `--device none` too: without layers on it, a GPU would still be used for prompts. */
function deviceFlags({ settings, gpuLayers }: ServerFields): readonly string[] {
  if (settings.backend === "cpu") return ["--device", "none", "--n-gpu-layers", "0"];
  return ["--n-gpu-layers", String(gpuLayers ?? ALL_LAYERS)];
}

function modeFlags(mode: Mode): readonly string[] {
  if (mode === "embedding") return ["--embeddings"];
  return mode === "rerank" ? ["--reranking"] : [];
}

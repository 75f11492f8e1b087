import { type Command, InvalidArgumentError, Option } from "commander";
import { SERVER_DEFAULTS } from "../api/server-defaults.ts";
import {
  BACKENDS,
  type Backend,
  CACHE_TYPES,
  type CacheType,
  LOAD_MODES,
  type LoadMode,
  MODES,
  type Mode,
  POOLINGS,
  type Pooling,
  ROPE_SCALINGS,
  type RopeScaling,
} from "../memory/estimate/types.ts";
import { DEFAULT_SETTINGS, LOAD_MODE } from "../serving/default-settings.ts";

export interface EstimateFlags {
  readonly contextSize: number;
  readonly parallel: number | "auto";
  readonly cacheTypeK: CacheType;
  readonly cacheTypeV: CacheType;
  readonly flashAttention: "on" | "off";
  readonly mode: Mode;
  readonly pooling?: Pooling;
  readonly batchSize?: number;
  readonly ubatchSize?: number;
  readonly backend: Backend;
  readonly cacheRam?: number;
  readonly ctxCheckpoints?: number;
  readonly swaFull?: true;
  readonly loadMode: LoadMode;
  readonly moeCpu?: true;
  readonly moeCpuLayers?: number;
  readonly ropeScaling?: RopeScaling;
  readonly mmproj?: string;
  readonly draft?: string;
  readonly draftTokens?: number;
  readonly lora: readonly string[];
  readonly memoryBudget?: string;
  readonly memoryFraction?: number;
  readonly hostMemory?: string;
  readonly reserve?: string;
  readonly grid?: true;
  readonly json?: true;
}

const AS_NEEDED = "as long as a slot where an input must lie in one batch";
const BATCH_DEFAULT = `${DEFAULT_SETTINGS.batchSize}; for embeddings that of --ubatch-size`;
const UBATCH_DEFAULT = `${DEFAULT_SETTINGS.ubatchSize}; for embeddings ${AS_NEEDED}`;

/** The options of `estimate`. They have the names of llama-server's own options where it has such options. */
export function withEstimateOptions(command: Command): Command {
  return withBudgetOptions(withWeightOptions(withServerOptions(command)));
}

function withServerOptions(command: Command): Command {
  return command
    .option(
      "--context-size <tokens>",
      "context window in total, shared by all slots (-c)",
      whole,
      DEFAULT_SETTINGS.contextSize,
    )
    .option(
      "--parallel <n|auto>",
      "number of slots (-np); auto means 4 slots that share one context",
      wholeOrAuto,
      DEFAULT_SETTINGS.parallel,
    )
    .addOption(
      new Option("--cache-type-k <type>", "quantization of the keys in the KV cache (-ctk)")
        .choices(CACHE_TYPES)
        .default(DEFAULT_SETTINGS.cacheTypeK),
    )
    .addOption(
      new Option("--cache-type-v <type>", "quantization of the values in the KV cache (-ctv)")
        .choices(CACHE_TYPES)
        .default(DEFAULT_SETTINGS.cacheTypeV),
    )
    .addOption(
      new Option("--flash-attention <on|off>", "whether to use flash attention (-fa)")
        .choices(["on", "off"])
        .default("on"),
    )
    .addOption(
      new Option("--mode <mode>", "what the server answers: chat, embedding (--embeddings) or rerank (--reranking)")
        .choices(MODES)
        .default("chat"),
    )
    .addOption(
      new Option(
        "--pooling <type>",
        "how the embeddings of an input become one (default: that of the file; rank with --mode rerank)",
      ).choices(POOLINGS),
    )
    .option("--batch-size <tokens>", `logical batch size (-b) (default: ${BATCH_DEFAULT})`, whole)
    .option("--ubatch-size <tokens>", `physical batch size (-ub) (default: ${UBATCH_DEFAULT})`, whole)
    .addOption(new Option("--backend <backend>", "hardware that the model runs on").choices(BACKENDS).default("metal"))
    .option("--mmproj <source>", "multimodal projector for images or sound")
    .option("--draft <source>", "draft model for speculative decoding (-md)")
    .option(
      "--draft-tokens <n>",
      `most tokens to draft at a time for each slot (default: ${SERVER_DEFAULTS.draftTokens} with --draft)`,
      whole,
    )
    .addOption(
      new Option("--lora <source>", "LoRA adapter; the option may be repeated").argParser(collect).default([], "none"),
    )
    .option("--cache-ram <MiB>", "size of the prompt cache in host memory (default: 0, as in the agent)", wholeOrZero)
    .option(
      "--ctx-checkpoints <n>",
      "context checkpoints for each slot of sliding-window and recurrent models (default: 0, as in the agent)",
      wholeOrZero,
    )
    .option("--swa-full", "cache the whole context in sliding-window layers");
}

function withWeightOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--load-mode <mode>",
        "how llama-server loads the weights; none, as in the agent, reads them into its own memory",
      )
        .choices(LOAD_MODES)
        .default(LOAD_MODE),
    )
    .option("--moe-cpu", "compute the experts of all layers on the CPU (-cmoe)")
    .option("--moe-cpu-layers <n>", "compute the experts of the first n layers on the CPU (-ncmoe)", wholeOrZero)
    .addOption(
      new Option("--rope-scaling <type>", "RoPE scaling, for a context longer than the trained one").choices(
        ROPE_SCALINGS,
      ),
    );
}

function withBudgetOptions(command: Command): Command {
  return command
    .option("--memory-budget <quantity>", "memory budget, for example 24Gi; takes precedence over a fraction")
    .option("--memory-fraction <share>", "memory budget as a share of the host's memory, above 0 and at most 1", Number)
    .option("--host-memory <quantity>", "memory of the host that will run the model (default: that of this machine)")
    .option(
      "--reserve <quantity>",
      "memory of the host that stays with its system, at least 1Gi (default: 4Gi with --backend metal and --host-memory)",
    )
    .option("--grid", "also show the need for other context sizes and cache types")
    .option(
      "--json",
      "print JSON: one object, or an array for several sources; {error, kind, retryAfterMs} for a source that failed",
    );
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 31) {
    throw new InvalidArgumentError("It must be a whole number from 1 to 2147483648.");
  }
  return value;
}

function wholeOrZero(text: string): number {
  return text === "0" ? 0 : whole(text);
}

function wholeOrAuto(text: string): number | "auto" {
  return text === "auto" ? text : whole(text);
}

function collect(source: string, before: readonly string[]): readonly string[] {
  return [...before, source];
}

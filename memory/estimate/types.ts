import { CACHE_TYPES as API_CACHE_TYPES } from "../../api/server-defaults.ts";

/** KV cache element types that llama-server accepts for -ctk and -ctv. LLMKube's enum has no name for bf16. */
export const CACHE_TYPES = [...API_CACHE_TYPES, "bf16"] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/** Where llama-server computes. `metal` reserves a device buffer and a host buffer, `cpu` a host buffer only. */
export const BACKENDS = ["metal", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];

/**
 * How llama-server loads the weights. `mmap` maps the file; the others read it into memory of the server's own, on Metal tensor by
 * tensor through the CPU's memory.
 */
export const LOAD_MODES = ["mmap", "mlock", "dio", "none"] as const;
export type LoadMode = (typeof LOAD_MODES)[number];

/** What a server answers: `--embeddings`, `--reranking`, or neither. */
export const MODES = ["chat", "embedding", "rerank"] as const;
export type Mode = (typeof MODES)[number];

/** How the embeddings of an input's tokens become one (`--pooling`); `none`: each token keeps its own. */
export const POOLINGS = ["none", "mean", "cls", "last", "rank"] as const;
export type Pooling = (typeof POOLINGS)[number];

export const ROPE_SCALINGS = ["none", "linear", "yarn", "longrope"] as const;
export type RopeScaling = (typeof ROPE_SCALINGS)[number];

/** The settings that change the memory of llama-server, each with its flag. */
export interface EstimateSettings {
  /** `-c`: tokens in total, over all slots; it is not multiplied by the number of slots. At least 1. */
  readonly contextSize: number;
  /** `-np N`: N slots with separate caches; `auto`: 4 slots with one unified cache. */
  readonly parallel: number | "auto";
  readonly cacheTypeK: CacheType;
  readonly cacheTypeV: CacheType;
  readonly flashAttention: boolean;
  /** `-b`: logical batch size in tokens; `auto`: what the mode needs. */
  readonly batchSize: number | "auto";
  /** `-ub`: physical batch size in tokens; `auto`: what the mode needs. */
  readonly ubatchSize: number | "auto";
  readonly backend: Backend;
  /** Default: "chat". */
  readonly mode?: Mode;
  /** `--pooling`. Default: "rank" in mode `rerank`, else that of the file, else "none". */
  readonly pooling?: Pooling;
  /** `--swa-full`: sliding-window layers cache the whole context. Default: false. */
  readonly swaFull?: boolean;
  /** `--cache-ram`: limit of the prompt cache in host memory in MiB, counted in full with what lies beside it (`promptCacheBytes`). Default: 0, none. */
  readonly cacheRamMiB?: number;
  /**
   * `--ctx-checkpoints`: context checkpoints for each slot of a sliding-window, recurrent or hybrid model. Default: 0,
   * none.
   */
  readonly ctxCheckpoints?: number;
  /** `--load-mode`. Default: "mmap". */
  readonly loadMode?: LoadMode;
  /**
   * `--override-tensor` with the token table and the GPU: tied embeddings lie with the GPU alone, where it can look tokens up in them.
   * Default: false, a second copy.
   */
  readonly tableOnGpu?: boolean;
  /** `--n-cpu-moe`: the CPU computes the experts of this many first layers. Default: 0. */
  readonly moeCpuLayers?: number;
  /** `--cpu-moe`: the CPU computes the experts of all layers. Default: false. */
  readonly moeCpu?: boolean;
  /** `--rope-scaling`: RoPE scaling, with which the context may exceed the trained one. Default: "none". */
  readonly ropeScaling?: RopeScaling;
  /**
   * `--spec-draft-n-max`: drafted tokens for each slot. Each of them needs a recurrent state and an output. Default: 0.
   */
  readonly draftTokens?: number;
}

/**
 * How reliable the numbers are. `exact`: the architecture and every setting are known. `bounded`: the total is an upper
 * bound, and `notes` says why. `unknown`: there is no total, and the model must not be started.
 */
export type Confidence = "exact" | "bounded" | "unknown";

export type Estimate = KnownEstimate | UnknownEstimate;

interface EstimateBase {
  readonly architecture: string;
  readonly fileBytes: number;
  readonly weightsBytes: number;
  /** Sentences for a person, each complete in itself. */
  readonly notes: readonly string[];
}

export interface KnownEstimate extends EstimateBase {
  readonly confidence: "exact" | "bounded";
  readonly contextBytes: { readonly kv: number; readonly recurrent: number };
  readonly computeBytes: { readonly device: number; readonly host: number };
  readonly outputBytes: number;
  /** Every part in bytes by its name, as in `PARTS`; `totalBytes` is their sum. */
  readonly parts: Readonly<Record<string, number>>;
  readonly totalBytes: number;
}

export interface UnknownEstimate extends EstimateBase {
  readonly confidence: "unknown";
}

import { CACHE_TYPES as API_CACHE_TYPES } from "../../api/llama-fields.ts";

/** KV cache element types that llama-server accepts for -ctk and -ctv. LLMKube's enum has no name for bf16. */
export const CACHE_TYPES = [...API_CACHE_TYPES, "bf16"] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/** Where llama-server computes: `metal` reserves a device and a host buffer, `cpu` one. */
export const BACKENDS = ["metal", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];

/** How llama-server brings weights in: mapped, or (`none`) read into memory of its own. */
export const LOAD_MODES = ["mmap", "mlock", "dio", "none"] as const;
export type LoadMode = (typeof LOAD_MODES)[number];

export const ROPE_SCALINGS = ["none", "linear", "yarn", "longrope"] as const;
export type RopeScaling = (typeof ROPE_SCALINGS)[number];

/** What moves a llama-server's memory, as the flags it is started with. */
export interface EstimateSettings {
  /** `-c`: cells in total, over all slots; never multiplied by them. At least 1. */
  readonly contextSize: number;
  /** `-np N`: N separate streams; `auto`: 4 sequences on one unified stream. */
  readonly parallel: number | "auto";
  readonly cacheTypeK: CacheType;
  readonly cacheTypeV: CacheType;
  readonly flashAttention: boolean;
  /** `-b`, tokens. */
  readonly batchSize: number;
  /** `-ub`, tokens. */
  readonly ubatchSize: number;
  readonly backend: Backend;
  /** `--swa-full`: sliding-window layers keep every cell. Default: false. */
  readonly swaFull?: boolean;
  /** `--cache-ram`, MiB of prompts kept in host memory, counted in full. Default: 0, none. */
  readonly cacheRamMiB?: number;
  /** `--ctx-checkpoints`, kept per slot by sliding-window, recurrent and hybrid models. Default: 0, none. */
  readonly ctxCheckpoints?: number;
  /** `--load-mode`. Default: "mmap". */
  readonly loadMode?: LoadMode;
  /** `--n-cpu-moe`: experts of so many first layers are computed by the CPU. Default: 0. */
  readonly moeCpuLayers?: number;
  /** `--cpu-moe`: experts of all layers are computed by the CPU. Default: false. */
  readonly moeCpu?: boolean;
  /** `--rope-scaling`: positions are scaled, so that the context may exceed the trained one. Default: "none". */
  readonly ropeScaling?: RopeScaling;
  /** Tokens drafted ahead a slot (`--spec-draft-n-max`): recurrent states are kept for each, and their outputs. Default: 0. */
  readonly draftTokens?: number;
}

/**
 * How far the numbers hold. `exact`: architecture and every setting are known. `bounded`: an upper bound, the reason
 * is in `notes`. `unknown`: nothing may be started on it.
 */
export type Confidence = "exact" | "bounded" | "unknown";

export type Estimate = KnownEstimate | UnknownEstimate;

interface EstimateBase {
  readonly architecture: string;
  readonly fileBytes: number;
  readonly weightsBytes: number;
  /** Sentences for a person, each standing alone. */
  readonly notes: readonly string[];
}

export interface KnownEstimate extends EstimateBase {
  readonly confidence: "exact" | "bounded";
  readonly contextBytes: { readonly kv: number; readonly recurrent: number };
  readonly computeBytes: { readonly device: number; readonly host: number };
  readonly outputBytes: number;
  /** Every named part in bytes; `totalBytes` is their sum. */
  readonly parts: Readonly<Record<string, number>>;
  readonly totalBytes: number;
}

export interface UnknownEstimate extends EstimateBase {
  readonly confidence: "unknown";
}

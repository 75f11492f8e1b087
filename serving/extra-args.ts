import { fail, ok, type Result } from "../api/result.ts";

/** How the embeddings of an input become one: the estimate counts it. */
export const POOLING_FLAG = "--pooling";

/**
 * The llama-server flags that `InferenceService.spec.extraArgs` may have, with the number of values that each takes.
 * None of them changes memory or network exposure, but {@link POOLING_FLAG}, which is estimated (llama-server --help, llama.cpp of September 2026).
 */
const ALLOWED: Readonly<Record<string, 0 | 1>> = {
  [POOLING_FLAG]: 1,
  "--threads": 1,
  "-t": 1,
  "--threads-batch": 1,
  "-tb": 1,
  "--prio": 1,
  "--poll": 1,
  "--seed": 1,
  "-s": 1,
  "--samplers": 1,
  "--temp": 1,
  "--top-k": 1,
  "--top-p": 1,
  "--min-p": 1,
  "--typical": 1,
  "--repeat-last-n": 1,
  "--repeat-penalty": 1,
  "--presence-penalty": 1,
  "--frequency-penalty": 1,
  "--dry-multiplier": 1,
  "--dry-base": 1,
  "--dry-allowed-length": 1,
  "--dry-penalty-last-n": 1,
  "--mirostat": 1,
  "--mirostat-lr": 1,
  "--mirostat-ent": 1,
  "--ignore-eos": 0,
  "--n-predict": 1,
  "-n": 1,
  "--keep": 1,
  "--chat-template": 1,
  "--chat-template-kwargs": 1,
  "--reasoning-format": 1,
  "--timeout": 1,
  "-to": 1,
  "--verbose": 0,
  "-v": 0,
  "--log-verbosity": 1,
  "-lv": 1,
  "--log-prefix": 0,
  "--log-timestamps": 0,
};

/** What a message may tell to set instead of an argument, by the names that a manifest has for it. */
export const MANIFEST_NAMES = {
  extraArgs: "spec.extraArgs",
  contextSize: "spec.contextSize",
  parallelSlots: "spec.parallelSlots",
  cacheTypeK: "spec.cacheTypeK",
  cacheTypeV: "spec.cacheTypeV",
  flashAttention: "spec.flashAttention",
  batchSize: "spec.batchSize",
  uBatchSize: "spec.uBatchSize",
  gpuLayers: "spec.hardware.gpu.layers of the Model",
  source: "spec.source of the Model",
  mmproj: "spec.mmproj of the Model",
  draft: "spec.speculativeDecoding",
  jinja: "spec.jinja",
  noWarmup: "spec.noWarmup",
  port: "spec.endpoint.port",
} as const;
export type SettingNames = Readonly<Record<keyof typeof MANIFEST_NAMES, string>>;

/** Flags for which there is a typed field. */
const TYPED: Readonly<Record<string, keyof SettingNames>> = {
  "-c": "contextSize",
  "--ctx-size": "contextSize",
  "-np": "parallelSlots",
  "--parallel": "parallelSlots",
  "-ctk": "cacheTypeK",
  "--cache-type-k": "cacheTypeK",
  "-ctv": "cacheTypeV",
  "--cache-type-v": "cacheTypeV",
  "-fa": "flashAttention",
  "--flash-attn": "flashAttention",
  "-b": "batchSize",
  "--batch-size": "batchSize",
  "-ub": "uBatchSize",
  "--ubatch-size": "uBatchSize",
  "-ngl": "gpuLayers",
  "--n-gpu-layers": "gpuLayers",
  "-m": "source",
  "--model": "source",
  "--mmproj": "mmproj",
  "-md": "draft",
  "--model-draft": "draft",
  "--jinja": "jinja",
  "--no-warmup": "noWarmup",
  "--port": "port",
};

/** Flags that are refused for a reason of their own. */
const REASONS: Readonly<Record<string, string>> = {
  "--host": "the agent sets the address that the server listens on",
  "--api-key": "every user of the machine can see a key that is an argument",
};

const LONGEST_VALUE = 4096;
const LONGEST_FLAG = 64;

/** An argument of `spec.extraArgs` that is not accepted. */
export interface RefusedArg {
  /** The flag alone, cut short: never its value, which may be a secret. */
  readonly flag: string;
  /** The end of the sentence that begins with the flag: what is wrong with it, and what would be right. */
  readonly problem: string;
}

/**
 * Every argument that is not accepted, in their order; what follows one of them and is no flag counts as its value.
 *
 * @param names what the reader of a message calls the fields
 */
export function refusedArgs(args: readonly string[], names: SettingNames = MANIFEST_NAMES): readonly RefusedArg[] {
  const refused: RefusedArg[] = [];
  for (let index = 0; index < args.length; ) {
    const flag = args[index] ?? "";
    const values = Object.hasOwn(ALLOWED, flag) ? ALLOWED[flag] : undefined;
    const problem =
      values === undefined ? reasonAgainst(flag, names) : values === 1 ? valueProblem(args[index + 1]) : undefined;
    if (problem !== undefined) refused.push({ flag: flagName(flag), problem });
    index += 1 + (values ?? valuesAfter(args, index));
  }
  return refused;
}

/**
 * The same arguments if every flag is on the allow-list; otherwise it fails with the field to use instead. No flag
 * passes that could change memory beyond the estimate or expose the server to others (LLMKube traps T11 and T12).
 *
 * @param names what the reader of a message calls the fields
 */
export function checkExtraArgs(
  args: readonly string[],
  names: SettingNames = MANIFEST_NAMES,
): Result<readonly string[]> {
  const [refused] = refusedArgs(args, names);
  if (refused === undefined) return ok(args);
  return fail(`${names.extraArgs}: ${JSON.stringify(refused.flag)} ${refused.problem}`);
}

function reasonAgainst(flag: string, names: SettingNames): string {
  const instead = insteadOf(flag.split("=", 1)[0] ?? flag, names);
  if (instead !== undefined) return `is refused: ${instead}`;
  return "is not on the list of flags that are known to change neither memory nor network exposure";
}

function valueProblem(value: string | undefined): string | undefined {
  if (value === undefined) return "needs a value";
  if (value.length <= LONGEST_VALUE && !value.includes("\0")) return undefined;
  return `must have a value of at most ${LONGEST_VALUE} characters, and no NUL`;
}

function flagName(flag: string): string {
  const [name = ""] = flag.slice(0, LONGEST_FLAG).split("=", 1);
  return name;
}

function valuesAfter(args: readonly string[], index: number): number {
  const next = args.slice(index + 1).findIndex((arg) => arg.startsWith("-"));
  return next === -1 ? args.length - index - 1 : next;
}

function insteadOf(flag: string, names: SettingNames): string | undefined {
  const field = Object.hasOwn(TYPED, flag) ? TYPED[flag] : undefined;
  if (field !== undefined) return `set ${names[field]}`;
  return Object.hasOwn(REASONS, flag) ? REASONS[flag] : undefined;
}

import { fail, ok, type Result } from "../api/result.ts";

/**
 * The llama-server flags that `InferenceService.spec.extraArgs` may have, with the number of values that each takes.
 * None of them changes memory or network exposure (llama-server --help, llama.cpp of September 2026).
 */
const ALLOWED: Readonly<Record<string, 0 | 1>> = {
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

/** Flags that are refused for a reason of their own: mostly that a typed field exists. */
const INSTEAD: Readonly<Record<string, string>> = {
  "-c": "set spec.contextSize",
  "--ctx-size": "set spec.contextSize",
  "-np": "set spec.parallelSlots",
  "--parallel": "set spec.parallelSlots",
  "-ctk": "set spec.cacheTypeK",
  "--cache-type-k": "set spec.cacheTypeK",
  "-ctv": "set spec.cacheTypeV",
  "--cache-type-v": "set spec.cacheTypeV",
  "-fa": "set spec.flashAttention",
  "--flash-attn": "set spec.flashAttention",
  "-b": "set spec.batchSize",
  "--batch-size": "set spec.batchSize",
  "-ub": "set spec.uBatchSize",
  "--ubatch-size": "set spec.uBatchSize",
  "-ngl": "set spec.hardware.gpu.layers of the Model",
  "--n-gpu-layers": "set spec.hardware.gpu.layers of the Model",
  "-m": "set spec.source of the Model",
  "--model": "set spec.source of the Model",
  "--mmproj": "set spec.mmproj of the Model",
  "-md": "set spec.speculativeDecoding",
  "--model-draft": "set spec.speculativeDecoding",
  "--jinja": "set spec.jinja",
  "--no-warmup": "set spec.noWarmup",
  "--port": "set spec.endpoint.port",
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

/** Every argument that is not accepted, in their order; what follows one of them and is no flag counts as its value. */
export function refusedArgs(args: readonly string[]): readonly RefusedArg[] {
  const refused: RefusedArg[] = [];
  for (let index = 0; index < args.length; ) {
    const flag = args[index] ?? "";
    const values = Object.hasOwn(ALLOWED, flag) ? ALLOWED[flag] : undefined;
    const problem =
      values === undefined ? reasonAgainst(flag) : values === 1 ? valueProblem(args[index + 1]) : undefined;
    if (problem !== undefined) refused.push({ flag: flagName(flag), problem });
    index += 1 + (values ?? valuesAfter(args, index));
  }
  return refused;
}

/**
 * The same arguments if every flag is on the allow-list; otherwise it fails with the field to use instead. No flag
 * passes that could change memory beyond the estimate or expose the server to others (LLMKube traps T11 and T12).
 */
export function checkExtraArgs(args: readonly string[]): Result<readonly string[]> {
  const [refused] = refusedArgs(args);
  if (refused === undefined) return ok(args);
  return fail(`spec.extraArgs: ${JSON.stringify(refused.flag)} ${refused.problem}`);
}

function reasonAgainst(flag: string): string {
  const name = flag.split("=", 1)[0] ?? flag;
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
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

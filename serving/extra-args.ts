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

/**
 * The same arguments if every flag is on the allow-list; otherwise it fails with the field to use instead. No flag
 * passes that could change memory beyond the estimate or expose the server to others (LLMKube traps T11 and T12).
 */
export function checkExtraArgs(args: readonly string[]): Result<readonly string[]> {
  for (let index = 0; index < args.length; ) {
    const flag = args[index] ?? "";
    const values = Object.hasOwn(ALLOWED, flag) ? ALLOWED[flag] : undefined;
    if (values === undefined) return refused(flag);
    const value = args[index + 1];
    if (values === 1 && value === undefined) return fail(`spec.extraArgs: ${flag} needs a value`);
    if (values === 1 && (value?.includes("\0") || (value?.length ?? 0) > LONGEST_VALUE)) {
      return fail(`spec.extraArgs: the value of ${flag} must have at most ${LONGEST_VALUE} characters, and no NUL`);
    }
    index += 1 + values;
  }
  return ok(args);
}

function refused(flag: string): Result<never> {
  const shown = JSON.stringify(flag.slice(0, LONGEST_VALUE / 64));
  const name = flag.split("=", 1)[0] ?? flag;
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  if (instead !== undefined) return fail(`spec.extraArgs: ${shown} is refused: ${instead}`);
  return fail(
    `spec.extraArgs: ${shown} is not on the list of flags that are known to change neither memory nor network exposure`,
  );
}

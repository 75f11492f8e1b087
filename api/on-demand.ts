import { parseDuration } from "./duration.ts";
import { shown } from "./explain.ts";
import { quantityBytes } from "./quantity.ts";
import { fail, ok, type Result } from "./result.ts";

/**
 * What an InferenceService says about the gateway of its Mac. LLMKube's API has no fields for it, so these are annotations, which LLMKube
 * keeps and ignores.
 */
export const ON_DEMAND_ANNOTATIONS = {
  /** How long the model stays in memory after its last request: a duration such as `10m`, or `never`. */
  idleUnload: "llmkube.dev/idle-unload",
  /** Further names by which clients ask for the model, with commas between them. */
  aliases: "llmkube.dev/model-aliases",
  /** Memory for prompts that were read before: `auto`, `off`, or a quantity. */
  promptCache: "llmkube.dev/prompt-cache",
  /** Whether conversations are kept on disk while the model is unloaded, where the agent does that: `auto` or `off`. */
  savedSlots: "llmkube.dev/saved-slots",
} as const;

/**
 * Where clients reach the gateway of the Mac that serves an InferenceService: an origin such as `http://127.0.0.1:8080`. `LlmModel` writes
 * it for the policies; the agent goes by its own `--gateway`.
 */
export const GATEWAY_ANNOTATION = "llmkube.dev/gateway";

/** Memory for the prompts that a server has read, beside its slots; in bytes, or all that its budget leaves. */
export type PromptCache = "auto" | "off" | number;

/** `auto`: as the agent's `--saved-slots` says. */
export type SavedSlots = "auto" | "off";

export interface OnDemand {
  /** Milliseconds without a request after which it unloads; `never`; undefined: as the agent's `--idle-unload` says. */
  readonly idleUnloadMs: number | "never" | undefined;
  readonly aliases: readonly string[];
  /** Default: off. */
  readonly promptCache: PromptCache;
  /** Absent: auto, as in records of agents that knew none. */
  readonly savedSlots?: SavedSlots;
}

/** A day: whoever wants more wants `never`. A second: less would unload between two sentences. */
const LONGEST_MS = 24 * 3_600_000;
const SHORTEST_MS = 1000;
const MOST_ALIASES = 16;
const MIB = 2 ** 20;

/** Names of models as clients type them: those of Hugging Face and Ollama among them. */
const ALIAS = /^[A-Za-z0-9](?:[A-Za-z0-9._:@/-]{0,126}[A-Za-z0-9])?$/;

/** Fails with one sentence that names the annotation. */
export function parseOnDemand(annotations: Readonly<Record<string, string>> | undefined): Result<OnDemand> {
  const { idleUnload, aliases, promptCache, savedSlots } = ON_DEMAND_ANNOTATIONS;
  const idle = parsed(annotations?.[idleUnload], idleUnload, parseIdleUnload);
  if (!idle.ok) return idle;
  const names = parsed(annotations?.[aliases], aliases, parseAliases);
  if (!names.ok) return names;
  const cache = parsed(annotations?.[promptCache], promptCache, parsePromptCache);
  if (!cache.ok) return cache;
  const slots = parsed(annotations?.[savedSlots], savedSlots, parseSavedSlots);
  if (!slots.ok) return slots;
  return ok({
    idleUnloadMs: idle.value,
    aliases: names.value ?? [],
    promptCache: cache.value ?? "off",
    ...(slots.value !== undefined && { savedSlots: slots.value }),
  });
}

function parsed<Value>(
  text: string | undefined,
  annotation: string,
  parse: (text: string) => Result<Value>,
): Result<Value | undefined> {
  if (text === undefined) return ok(undefined);
  const value = parse(text);
  return value.ok ? value : { ...value, error: `metadata.annotations["${annotation}"]: ${value.error}` };
}

/** A duration from 1s to 24h, or `never`. */
export function parseIdleUnload(text: string): Result<number | "never"> {
  if (text === "never") return ok("never");
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds >= SHORTEST_MS && milliseconds <= LONGEST_MS) return ok(milliseconds);
  return fail(`${shown(text)} is no idle time: write a duration from 1s to 24h such as 10m, or never`);
}

/** Names with commas between them. */
export function parseAliases(text: string): Result<readonly string[]> {
  return checkAliases(text.split(",").map((name) => name.trim()));
}

/** The same names without repetitions. */
export function checkAliases(names: readonly string[]): Result<readonly string[]> {
  const wrong = names.find((name) => !ALIAS.test(name));
  if (wrong !== undefined) {
    return fail(
      `${shown(wrong)} is no alias: write 1 to 128 letters, digits and . _ : @ / -, which begin and end with a letter or digit`,
    );
  }
  if (names.length > MOST_ALIASES) return fail(`${names.length} aliases are too many: write at most ${MOST_ALIASES}`);
  return ok([...new Set(names)]);
}

/** `auto`, `off`, or a quantity of at least 1Mi. */
export function parsePromptCache(text: string): Result<PromptCache> {
  if (text === "auto" || text === "off") return ok(text);
  const bytes = quantityBytes(text);
  if (typeof bytes === "bigint" && bytes >= BigInt(MIB) && bytes <= 2n ** 53n) return ok(Number(bytes));
  return fail(`${shown(text)} is no prompt cache: write auto, off, or a quantity of at least 1Mi such as 2Gi`);
}

/** `auto` or `off`. */
export function parseSavedSlots(text: string): Result<SavedSlots> {
  if (text === "auto" || text === "off") return ok(text);
  return fail(`${shown(text)} does not say whether conversations are saved: write auto or off`);
}

import { totalmem } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { SERVER_DEFAULTS } from "../api/llama-fields.ts";
import { parseQuantity } from "../api/quantity.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Budget, resolveBudget } from "../memory/budget.ts";
import {
  BACKENDS,
  type Backend,
  CACHE_TYPES,
  type CacheType,
  type EstimateSettings,
  LOAD_MODES,
  type LoadMode,
  ROPE_SCALINGS,
  type RopeScaling,
} from "../memory/estimate/types.ts";
import { DEFAULT_SETTINGS } from "../serving/settings.ts";

export interface EstimateFlags {
  readonly contextSize: number;
  readonly parallel: number | "auto";
  readonly cacheTypeK: CacheType;
  readonly cacheTypeV: CacheType;
  readonly flashAttention: "on" | "off";
  readonly batchSize: number;
  readonly ubatchSize: number;
  readonly backend: Backend;
  readonly cacheRam?: number;
  readonly ctxCheckpoints?: number;
  readonly swaFull?: true;
  readonly loadMode?: LoadMode;
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
  readonly grid?: true;
  readonly json?: true;
}

/** The options of `estimate`, named as llama-server's own where it has them. */
export function withEstimateOptions(command: Command): Command {
  return command
    .option("--context-size <tokens>", "cells in total, over all slots (-c)", whole, DEFAULT_SETTINGS.contextSize)
    .option(
      "--parallel <n|auto>",
      "slots (-np); auto: 4 that share one context",
      wholeOrAuto,
      DEFAULT_SETTINGS.parallel,
    )
    .addOption(
      new Option("--cache-type-k <type>", "element type of the K cache")
        .choices(CACHE_TYPES)
        .default(DEFAULT_SETTINGS.cacheTypeK),
    )
    .addOption(
      new Option("--cache-type-v <type>", "element type of the V cache")
        .choices(CACHE_TYPES)
        .default(DEFAULT_SETTINGS.cacheTypeV),
    )
    .addOption(new Option("--flash-attention <on|off>", "flash attention (-fa)").choices(["on", "off"]).default("on"))
    .option("--batch-size <tokens>", "logical batch (-b)", whole, DEFAULT_SETTINGS.batchSize)
    .option("--ubatch-size <tokens>", "physical batch (-ub)", whole, DEFAULT_SETTINGS.ubatchSize)
    .addOption(new Option("--backend <backend>", "where it computes").choices(BACKENDS).default("metal"))
    .option("--mmproj <source>", "projector of images or sound, served beside the model")
    .option("--draft <source>", "model that guesses tokens ahead (-md)")
    .option(
      "--draft-tokens <n>",
      `tokens guessed ahead a slot (default: ${SERVER_DEFAULTS.draftTokens} with --draft)`,
      whole,
    )
    .option("--lora <source>", "LoRA adapter; may be given several times", collect, [])
    .option("--cache-ram <MiB>", "host memory for prompts of earlier requests", wholeOrZero)
    .option("--ctx-checkpoints <n>", "checkpoints a slot of sliding-window and recurrent models", wholeOrZero)
    .option("--swa-full", "sliding-window layers keep the whole context")
    .addOption(new Option("--load-mode <mode>", "how weights are brought in").choices(LOAD_MODES))
    .option("--moe-cpu", "experts of all layers are computed by the CPU (-cmoe)")
    .option("--moe-cpu-layers <n>", "experts of the first n layers are computed by the CPU (-ncmoe)", wholeOrZero)
    .addOption(new Option("--rope-scaling <type>", "positions beyond the trained context").choices(ROPE_SCALINGS))
    .option("--memory-budget <quantity>", "budget, for example 24Gi; wins over a fraction")
    .option("--memory-fraction <share>", "budget as a share of the host's memory, above 0, at most 1", Number)
    .option("--host-memory <quantity>", "memory of the host the budget is for (default: this machine's)")
    .option("--grid", "also the need of other contexts and cache types")
    .option("--json", "print one JSON object; an array for several sources");
}

export function settingsOf(flags: EstimateFlags): EstimateSettings {
  const { contextSize, parallel, cacheTypeK, cacheTypeV, batchSize, ubatchSize, backend } = flags;
  const { cacheRam, ctxCheckpoints, swaFull, loadMode, moeCpu, moeCpuLayers, ropeScaling } = flags;
  const draftTokens = flags.draftTokens ?? (flags.draft === undefined ? undefined : SERVER_DEFAULTS.draftTokens);
  return {
    ...{ contextSize, parallel, cacheTypeK, cacheTypeV, batchSize, ubatchSize, backend },
    flashAttention: flags.flashAttention === "on",
    ...(cacheRam !== undefined && { cacheRamMiB: cacheRam }),
    ...(ctxCheckpoints !== undefined && { ctxCheckpoints }),
    ...(swaFull !== undefined && { swaFull }),
    ...(loadMode !== undefined && { loadMode }),
    ...(moeCpu !== undefined && { moeCpu }),
    ...(moeCpuLayers !== undefined && { moeCpuLayers }),
    ...(ropeScaling !== undefined && { ropeScaling }),
    ...(draftTokens !== undefined && { draftTokens }),
  };
}

/** The budget to hold the need against; undefined: none was asked about. */
export function askedBudget(flags: EstimateFlags): Result<Budget | undefined> {
  const { memoryBudget, memoryFraction, hostMemory } = flags;
  if (memoryBudget === undefined && memoryFraction === undefined && hostMemory === undefined) return ok(undefined);
  const host = hostMemory === undefined ? ok(BigInt(totalmem())) : parseQuantity(hostMemory);
  if (!host.ok) return fail(`--host-memory ${host.error}`);
  if (host.value <= 0n) return fail(`--host-memory ${JSON.stringify(hostMemory)} must be above 0, for example 16Gi`);
  // An absolute budget is not capped by this machine unless it was said to be the host.
  const hostMemoryBytes = memoryBudget !== undefined && hostMemory === undefined ? undefined : Number(host.value);
  return resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes });
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 31) {
    throw new InvalidArgumentError("A whole number from 1 to 2147483648 is expected.");
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

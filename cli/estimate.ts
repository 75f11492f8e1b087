import { totalmem } from "node:os";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { fail, ok, type Result } from "../api/result.ts";
import { type Advice, advise } from "../memory/advice.ts";
import { type Budget, resolveBudget } from "../memory/budget.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import {
  BACKENDS,
  type Backend,
  CACHE_TYPES,
  type CacheType,
  type Estimate,
  type EstimateSettings,
} from "../memory/estimate/types.ts";
import { decideFit, type FitDecision } from "../memory/fit.ts";
import { headerCacheFolder } from "../memory/gguf/header-cache.ts";
import { readHeader } from "../memory/gguf/read.ts";
import { parseQuantity } from "../memory/quantity.ts";
import { DEFAULT_BATCH_SIZE, DEFAULT_CONTEXT_SIZE, DEFAULT_UBATCH_SIZE } from "../memory/serving.ts";
import { comparisonText, estimateText } from "./estimate-text.ts";
import { withProgress } from "./progress.ts";

/** 0: fits, or no budget was asked about. 128 + SIGINT: interrupted. */
const EXIT = { fits: 0, doesNotFit: 1, badInput: 2, unknown: 3, interrupted: 130 } as const;

interface Flags {
  contextSize: number;
  parallel: number | "auto";
  cacheTypeK: CacheType;
  cacheTypeV: CacheType;
  flashAttention: "on" | "off";
  batchSize: number;
  ubatchSize: number;
  backend: Backend;
  memoryBudget?: string;
  memoryFraction?: number;
  hostMemory?: string;
  json?: true;
}

/** Everything that was found out about one source. */
export interface Answer {
  readonly source: string;
  readonly settings: EstimateSettings;
  readonly estimate: Estimate;
  readonly verdict?: { readonly budget: Budget; readonly fit: FitDecision; readonly advice: Advice };
}

/** `pulumi-llmkube estimate SOURCE`. */
export function estimateCommand(): Command {
  return new Command("estimate")
    .description(
      "What a model needs under llama-server, from its GGUF header alone; with a budget, whether it fits and what would.",
    )
    .argument(
      "<source...>",
      "GGUF files, side by side where several: absolute or relative path, file://, https:// or hf://org/repo/file.gguf",
    )
    .option("--context-size <tokens>", "cells in total, over all slots (-c)", whole, DEFAULT_CONTEXT_SIZE)
    .option("--parallel <n|auto>", "slots (-np); auto: 4 that share one context", wholeOrAuto, 1)
    .addOption(new Option("--cache-type-k <type>", "element type of the K cache").choices(CACHE_TYPES).default("f16"))
    .addOption(new Option("--cache-type-v <type>", "element type of the V cache").choices(CACHE_TYPES).default("f16"))
    .addOption(new Option("--flash-attention <on|off>", "flash attention (-fa)").choices(["on", "off"]).default("on"))
    .option("--batch-size <tokens>", "logical batch (-b)", whole, DEFAULT_BATCH_SIZE)
    .option("--ubatch-size <tokens>", "physical batch (-ub)", whole, DEFAULT_UBATCH_SIZE)
    .addOption(new Option("--backend <backend>", "where it computes").choices(BACKENDS).default("metal"))
    .option("--memory-budget <quantity>", "budget, for example 24Gi; wins over a fraction")
    .option("--memory-fraction <share>", "budget as a share of the host's memory, above 0, at most 1", Number)
    .option("--host-memory <quantity>", "memory of the host the budget is for (default: this machine's)")
    .option("--json", "print one JSON object; an array for several sources")
    .addHelpText("after", "\nExit codes: 0 fits (or no budget given), 1 does not fit, 2 bad input, 3 need unknown.")
    .action(run);
}

async function run(sources: readonly string[], flags: Flags): Promise<void> {
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  try {
    const results: Result<Answer>[] = [];
    for (const source of sources) {
      results.push(await answerFor(source, flags, interrupt.signal));
      if (interrupt.signal.aborted) {
        process.exitCode = EXIT.interrupted;
        return;
      }
    }
    report(results, flags);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

/** Sources that could not be read get a sentence each; the others are shown all the same. */
function report(results: readonly Result<Answer>[], flags: Flags): void {
  for (const result of results) if (!result.ok) console.error(`pulumi-llmkube: ${result.error}`);
  const answers = results.flatMap((result) => (result.ok ? [result.value] : []));
  const [first] = answers;
  if (first !== undefined && results.length === 1) {
    console.log(flags.json ? JSON.stringify(contract(first), null, 2) : estimateText(first));
  } else if (first !== undefined) {
    const rows = answers.map((answer) => ({ source: answer.source, ...contract(answer) }));
    console.log(flags.json ? JSON.stringify(rows, null, 2) : comparisonText(answers));
  }
  const codes: readonly number[] = results.map((result) => (result.ok ? exitCode(result.value) : EXIT.badInput));
  process.exitCode = BEST_TO_WORST.findLast((code) => codes.includes(code)) ?? EXIT.badInput;
}

const BEST_TO_WORST = [EXIT.fits, EXIT.doesNotFit, EXIT.unknown, EXIT.badInput] as const;

async function answerFor(source: string, flags: Flags, signal: AbortSignal): Promise<Result<Answer>> {
  const budget = askedBudget(flags);
  if (!budget.ok) return budget;
  const header = await withProgress(
    `reading the header of ${source}`,
    readHeader(locatable(source), { signal, cacheFolder: headerCacheFolder() }),
  );
  if (!header.ok) return header;
  const settings = { ...flags, flashAttention: flags.flashAttention === "on" };
  const estimated = estimate(header.value, settings);
  if (!estimated.ok) return fail(`${source}: ${estimated.error}`);
  const answer: Answer = { source, settings, estimate: estimated.value };
  if (budget.value === undefined) return ok(answer);
  const fit = decideFit(estimated.value, budget.value);
  const advice = advise(header.value, settings, budget.value.bytes);
  return ok({ ...answer, verdict: { budget: budget.value, fit, advice } });
}

/** The budget to hold the need against; undefined: none was asked about. */
function askedBudget(flags: Flags): Result<Budget | undefined> {
  const { memoryBudget, memoryFraction, hostMemory } = flags;
  if (memoryBudget === undefined && memoryFraction === undefined && hostMemory === undefined) return ok(undefined);
  const host = hostMemory === undefined ? ok(BigInt(totalmem())) : parseQuantity(hostMemory);
  if (!host.ok) return fail(`--host-memory ${host.error}`);
  if (host.value <= 0n) return fail(`--host-memory ${JSON.stringify(hostMemory)} must be above 0, for example 16Gi`);
  // An absolute budget is not capped by this machine unless it was said to be the host.
  const hostMemoryBytes = memoryBudget !== undefined && hostMemory === undefined ? undefined : Number(host.value);
  return resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes });
}

/** A relative path is taken from the current folder, as a shell user expects; a URL stays as it is. */
function locatable(source: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? source : resolve(source);
}

/** The JSON that scripts read; the last four keys only where a budget was given. */
function contract({ estimate: found, verdict }: Answer): object {
  const known = found.confidence === "unknown" ? undefined : found;
  return {
    architecture: found.architecture,
    fileBytes: found.fileBytes,
    weightsBytes: found.weightsBytes,
    contextBytes: known?.contextBytes ?? null,
    computeBytes: known?.computeBytes ?? null,
    outputBytes: known?.outputBytes ?? null,
    totalBytes: known?.totalBytes ?? null,
    parts: known?.parts ?? null,
    confidence: found.confidence,
    notes: found.notes,
    ...(verdict && {
      budget: { bytes: verdict.budget.bytes, source: verdict.budget.source },
      fits: verdict.fit.fits,
      headroomBytes: verdict.fit.headroomBytes,
      maxContextSize: verdict.advice.maxContextSize ?? null,
    }),
  };
}

function exitCode({ estimate: found, verdict }: Answer): number {
  if (found.confidence === "unknown") return EXIT.unknown;
  return verdict === undefined || verdict.fit.fits ? EXIT.fits : EXIT.doesNotFit;
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2 ** 31) {
    throw new InvalidArgumentError("A whole number from 1 to 2147483648 is expected.");
  }
  return value;
}

function wholeOrAuto(text: string): number | "auto" {
  return text === "auto" ? text : whole(text);
}

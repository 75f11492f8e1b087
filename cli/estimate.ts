import { Command } from "commander";
import type { Failure, Result } from "../api/result.ts";
import type { Answer } from "./estimate-answer.ts";
import { type EstimateFlags, withEstimateOptions } from "./estimate-flags.ts";

/** 0: fits, or no budget was asked about. 128 + SIGINT: interrupted. */
const EXIT = { fits: 0, doesNotFit: 1, badInput: 2, unknown: 3, interrupted: 130 } as const;

/** `pulumi-llmkube estimate SOURCE`. */
export function estimateCommand(): Command {
  const command = new Command("estimate")
    .description(
      "Estimate the memory that llama-server needs for a model, from its GGUF header alone. With a budget it also says whether the model fits, and what would fit.",
    )
    .argument(
      "<source...>",
      "GGUF files; several are shown side by side. Each is a path, file://, https:// or hf://org/repo/file.gguf",
    );
  return withEstimateOptions(command)
    .addHelpText(
      "after",
      "\nExit codes: 0 it fits (or there is no budget), 1 it does not fit, 2 invalid input, 3 its need is unknown.",
    )
    .action(run);
}

async function run(sources: readonly string[], flags: EstimateFlags): Promise<void> {
  const { answerFor } = await import("./estimate-answer.ts");
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  try {
    const results: Asked[] = [];
    for (const source of sources) {
      results.push({ source, result: await answerFor(source, flags, interrupt.signal) });
      if (interrupt.signal.aborted) {
        process.exitCode = EXIT.interrupted;
        return;
      }
    }
    await report(results, flags);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

interface Asked {
  readonly source: string;
  readonly result: Result<Answer>;
}

/** Sources that could not be read get a sentence each; the others are shown all the same. */
async function report(asked: readonly Asked[], flags: EstimateFlags): Promise<void> {
  const { comparisonText, estimateText } = await import("./estimate-text.ts");
  const { plainJson } = await import("../api/plain-text.ts");
  for (const { result } of asked) if (!result.ok) console.error(`pulumi-llmkube: ${result.error}`);
  const answers = asked.flatMap(({ result }) => (result.ok ? [result.value] : []));
  const [first] = answers;
  if (flags.json) console.log(plainJson(jsonOf(asked)));
  else if (first !== undefined) console.log(asked.length === 1 ? estimateText(first) : comparisonText(answers));
  const codes: readonly number[] = asked.map(({ result }) => (result.ok ? exitCode(result.value) : EXIT.badInput));
  process.exitCode = BEST_TO_WORST.findLast((code) => codes.includes(code)) ?? EXIT.badInput;
}

/** One object for one source; for several an array, in which each says its source. */
function jsonOf(asked: readonly Asked[]): object {
  const rows = asked.map(({ source, result }) => ({
    source,
    ...(result.ok ? contract(result.value) : failureContract(result)),
  }));
  const [row, ...more] = rows;
  if (row === undefined || more.length > 0) return rows;
  const { source: _known, ...only } = row;
  return only;
}

/** What scripts read where a source could not be estimated. */
function failureContract({ error, kind, retryAfterMs }: Failure): object {
  return { error, kind, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

const BEST_TO_WORST = [EXIT.fits, EXIT.doesNotFit, EXIT.unknown, EXIT.badInput] as const;

/** The JSON that scripts read; the keys of the budget and of the grid only where one was asked for. */
function contract({ estimate: found, verdict, grid }: Answer): object {
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
    ...(grid && { grid }),
  };
}

function exitCode({ estimate: found, verdict }: Answer): number {
  if (found.confidence === "unknown") return EXIT.unknown;
  return verdict === undefined || verdict.fit.fits ? EXIT.fits : EXIT.doesNotFit;
}

import { resolve } from "node:path";
import { failIn, ok, type Result } from "../api/result.ts";
import { headerCacheFolder } from "../gguf/header-cache.ts";
import { readHeader } from "../gguf/read.ts";
import { type Advice, advise } from "../memory/advice.ts";
import { type Allocatable, exceedsAllocatable } from "../memory/allocatable.ts";
import type { Budget } from "../memory/budget.ts";
import { batchesFor } from "../memory/estimate/inputs.ts";
import type { Estimate, EstimateSettings } from "../memory/estimate/types.ts";
import { decideFit, type FitDecision } from "../memory/fit.ts";
import { contextGrid, type GridCell } from "../memory/grid.ts";
import { estimateWhole, readServed, type Served } from "../memory/served.ts";
import { askedAllocatable, askedBudget, settingsOf } from "./estimate-asked.ts";
import type { EstimateFlags } from "./estimate-flags.ts";
import { withProgress } from "./progress.ts";

/** Everything that was found out about one source. */
export interface Answer {
  readonly source: string;
  readonly settings: EstimateSettings;
  readonly estimate: Estimate;
  readonly verdict?: { readonly budget: Budget; readonly fit: FitDecision; readonly advice: Advice };
  /** With `--grid`. */
  readonly grid?: readonly GridCell[];
}

export async function answerFor(source: string, flags: EstimateFlags, signal: AbortSignal): Promise<Result<Answer>> {
  const budget = askedBudget(flags);
  if (!budget.ok) return budget;
  const allocatable = askedAllocatable(flags);
  if (!allocatable.ok) return allocatable;
  const served = await readAll(source, flags, signal);
  if (!served.ok) return served;
  const settings = settingsOf(flags);
  const estimated = estimateWhole(served.value, settings);
  if (!estimated.ok) return failIn(source, estimated);
  const bytes = budget.value && Math.min(budget.value.bytes, allocatable.value?.bytes ?? Number.POSITIVE_INFINITY);
  const answer = {
    ...{ source, settings: { ...settings, ...batchesFor(served.value.header, settings) }, estimate: estimated.value },
    ...(flags.grid && { grid: contextGrid(served.value, settings, bytes) }),
  };
  if (budget.value === undefined || bytes === undefined) return ok(answer);
  const fit = withinHost(decideFit(estimated.value, budget.value), estimated.value, allocatable.value);
  return ok({ ...answer, verdict: { budget: budget.value, fit, advice: advise(served.value, settings, bytes) } });
}

/** A model that fits its budget must leave the host's system its memory, too. */
function withinHost(fit: FitDecision, need: Estimate, allocatable: Allocatable | undefined): FitDecision {
  if (!fit.fits || need.confidence === "unknown" || allocatable === undefined) return fit;
  const message = exceedsAllocatable(need.totalBytes, allocatable);
  if (message !== undefined) return { fits: false, reason: "InsufficientMemory", message, headroomBytes: 0 };
  return { ...fit, headroomBytes: Math.min(fit.headroomBytes, allocatable.bytes - need.totalBytes) };
}

function readAll(source: string, flags: EstimateFlags, signal: AbortSignal): Promise<Result<Served>> {
  const { mmproj, draft, lora: loras } = flags;
  return readServed({ model: source, mmproj, draft, loras }, (file) =>
    withProgress(
      `reading the header of ${file}`,
      readHeader(locatable(file), { signal, cacheFolder: headerCacheFolder() }),
    ),
  );
}

/** A relative path is taken from the current folder, as a shell user expects; a URL stays as it is. */
function locatable(source: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? source : resolve(source);
}

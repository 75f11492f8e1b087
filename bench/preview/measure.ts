import { mkdir } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { withProgress } from "../../cli/progress.ts";
import type { Engine } from "../../test/support/pulumi.ts";
import { type Files, serveFiles } from "./files.ts";
import { type PackFolders, policyCount, writePacks } from "./packs.ts";
import { type Cost, costOf, type RunPreview } from "./previews.ts";
import { type Measured, median, PACKS, type PackName } from "./table.ts";

/** Models of one file are many; a hundred models of ten files read ten headers. */
const FILES = 10;
const LATENCY_MS = 30;
const HEADERS_MODELS = 100;

export interface HeaderRow {
  readonly cache: "cold" | "warm";
  readonly seconds: number;
  readonly requests: number;
}

export interface PreviewFigures {
  readonly policies: number;
  readonly rounds: number;
  readonly measured: readonly Measured[];
  /** The latency of the server in milliseconds, and what a hundred models of ten files cost. */
  readonly headers: {
    readonly models: number;
    readonly files: number;
    readonly latencyMs: number;
    readonly rows: readonly HeaderRow[];
  };
  /** Average number of runnable tasks of the last minute, before and after. */
  readonly load: readonly [number, number];
}

export interface Wanted {
  readonly models: readonly number[];
  readonly rounds: number;
  /** Where the CPU profile of the pack's process is written, with the greatest number of models. */
  readonly cpuProfile: string | undefined;
}

/** All previews, one after another. */
export async function previewFigures(engine: Engine, wanted: Wanted): Promise<PreviewFigures> {
  const before = loadavg()[0] ?? Number.NaN;
  const folder = join(engine.folder, "packs");
  await mkdir(folder);
  const packs = await writePacks(folder);
  const files = await serveFiles(FILES);
  try {
    const warm = join(engine.folder, "warm");
    const preview =
      (what: string): RunPreview =>
      (one) =>
        withProgress(what, costOf(engine, one));
    const { source } = files;
    // Fills the cache of headers, and whatever an engine's first preview leaves behind.
    await preview("warming up")({ models: FILES, source, pack: packs.ours, cacheFolder: warm });
    const measured: Measured[] = [];
    for (const models of wanted.models) {
      const run = (pack: PackName) =>
        preview(`previewing ${models} models, pack: ${pack}`)({ models, source, pack: packs[pack], cacheFolder: warm });
      measured.push({ models, ...(await inRounds(run, wanted.rounds)) });
    }
    const rows = await headerRows(engine.folder, files, packs, preview);
    if (wanted.cpuProfile !== undefined) {
      const env = { BENCH_CPU_PROFILE: wanted.cpuProfile };
      const models = wanted.models.at(-1) ?? 1;
      await preview("profiling")({ models, source, pack: packs.ours, cacheFolder: warm, env });
    }
    const headers = { models: HEADERS_MODELS, files: FILES, latencyMs: LATENCY_MS, rows };
    return {
      policies: policyCount(),
      rounds: wanted.rounds,
      measured,
      headers,
      load: [before, loadavg()[0] ?? Number.NaN],
    };
  } finally {
    await files.stop();
  }
}

/** The packs take turns, so that a change of the machine's load meets all of them. */
async function inRounds(run: (pack: PackName) => Promise<Cost>, rounds: number): Promise<Omit<Measured, "models">> {
  const costs: Record<PackName, Cost[]> = { none: [], empty: [], "empty of the kinds": [], ours: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const pack of PACKS) costs[pack].push(await run(pack));
  }
  const medians = (field: keyof Cost) => ({
    none: median(costs.none.map((cost) => cost[field])),
    empty: median(costs.empty.map((cost) => cost[field])),
    "empty of the kinds": median(costs["empty of the kinds"].map((cost) => cost[field])),
    ours: median(costs.ours.map((cost) => cost[field])),
  });
  return { seconds: medians("seconds"), cpuSeconds: medians("cpuSeconds") };
}

async function headerRows(
  parent: string,
  files: Files,
  packs: PackFolders,
  preview: (what: string) => RunPreview,
): Promise<readonly HeaderRow[]> {
  files.delay(LATENCY_MS);
  const rows: HeaderRow[] = [];
  const cacheFolder = join(parent, "cold");
  for (const cache of ["cold", "warm"] as const) {
    const before = files.requests();
    const { source } = files;
    const { seconds } = await preview(`reading headers, ${cache}`)({
      models: HEADERS_MODELS,
      source,
      pack: packs.ours,
      cacheFolder,
    });
    rows.push({ cache, seconds, requests: files.requests() - before });
  }
  files.delay(0);
  return rows;
}

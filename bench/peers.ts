// npm run bench:peers: error on context memory (KV cache and state) at the longest measured f16 context of one slot, against what llama.cpp reserves.
import { rm } from "node:fs/promises";
import { MiB } from "../api/bytes.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import { headerOf, type MeasuredCase, readTruth, writeSynthetic } from "../test/support/truth-models.ts";
import { temporaryDirectory } from "../test/support/workspace.ts";

const folder = await temporaryDirectory();
const truth = readTruth();
console.log("| model | case | llama.cpp MiB | pulumi-llmkube | LLMKube's formula |\n|---|---|---|---|---|");
for (const [model, { cases }] of Object.entries(truth)) {
  const measured = largestSingleSlot(cases);
  if (measured === undefined) continue;
  const header = await headerOf(await writeSynthetic(truth, model, folder));
  const mib = measured.kv.reduce((sum, { mib }) => sum + mib, 0) + measured.recurrentMiB;
  const ours = estimate(header, { ...measured, batchSize: 2048, ubatchSize: measured.ubatch, backend: "cpu" });
  if (!ours.ok || ours.value.confidence === "unknown") throw new Error(`${model}: no estimate`);
  const { kv, recurrent } = ours.value.contextBytes;
  const errors = [(kv + recurrent) / MiB, llmkubeMiB(header, measured.contextSize)].map((found) =>
    percent(found / mib),
  );
  console.log(`| ${[model, `${measured.contextSize} tokens`, mib.toFixed(0), ...errors].join(" | ")} |`);
}
await rm(folder, { recursive: true, force: true });

/** The longest context with one explicit slot and an f16 cache. */
function largestSingleSlot(cases: readonly MeasuredCase[]): MeasuredCase | undefined {
  return cases
    .filter((one) => one.parallel === 1 && one.cacheTypeK === "f16" && one.cacheTypeV === "f16" && one.flashAttention)
    .sort((a, b) => b.contextSize - a.contextSize)[0];
}

/**
 * The published formula: layers x embedding x context x (2 + 2 bytes), regardless of heads, window or recurrent state.
 */
function llmkubeMiB(header: GgufHeader, contextSize: number): number {
  const architecture = String(header.metadata.get("general.architecture"));
  const layers = Number(header.metadata.get(`${architecture}.block_count`));
  const embedding = Number(header.metadata.get(`${architecture}.embedding_length`));
  return (layers * embedding * contextSize * 4) / MiB;
}

function percent(ratio: number): string {
  const off = 100 * (ratio - 1);
  if (Math.abs(off) < 0.05) return "0 %";
  return `${off > 0 ? "+" : ""}${off.toFixed(Math.abs(off) < 10 ? 1 : 0)} %`;
}

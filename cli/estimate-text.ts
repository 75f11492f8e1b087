import { formatBytes } from "../api/quantity.ts";
import { adviceText } from "../memory/advice-text.ts";
import { describeBudget } from "../memory/budget.ts";
import { partLabel } from "../memory/estimate/parts.ts";
import type { EstimateSettings, KnownEstimate } from "../memory/estimate/types.ts";
import type { GridCell } from "../memory/grid.ts";
import { borderlessTable, printed } from "./borderless-table.ts";
import type { Answer } from "./estimate-answer.ts";

const BAR_WIDTH = 32;

/** The answer as text: the parts of the memory, and whether they fit the budget if there is one. */
export function estimateText(answer: Answer): string {
  const { estimate, settings } = answer;
  const lines = [`${answer.source}: ${estimate.architecture}, ${settingsText(settings)}`, ""];
  if (estimate.confidence === "unknown") {
    lines.push(`  weights  ${formatBytes(estimate.weightsBytes)}`, "  total    unknown");
  } else {
    lines.push(breakdown(estimate));
  }
  lines.push("", `  confidence: ${estimate.confidence}`);
  for (const note of estimate.notes) lines.push(`  note: ${note}`);
  lines.push(...verdictLines(answer));
  if (answer.grid !== undefined) lines.push("", gridText(answer.grid));
  return lines.join("\n");
}

/** One row for each context size, one column for each cache type. */
function gridText(grid: readonly GridCell[]): string {
  const types = [...new Set(grid.map(({ cacheType }) => cacheType))];
  const table = borderlessTable({
    indent: 2,
    head: ["context", ...types],
    colAligns: ["right", ...types.map(() => "right" as const)],
  });
  for (const contextSize of new Set(grid.map((cell) => cell.contextSize))) {
    table.push([String(contextSize), ...grid.filter((cell) => cell.contextSize === contextSize).map(cellText)]);
  }
  const legend = grid.some(({ fits }) => fits !== undefined) ? "\n  ✓ fits the budget, ✗ does not fit" : "";
  return `${printed(table)}${legend}`;
}

function cellText({ totalBytes, fits }: GridCell): string {
  const need = totalBytes === null ? "-" : formatBytes(totalBytes);
  return fits === undefined ? need : `${need} ${fits ? "✓" : "✗"}`;
}

/** Several answers side by side, one column for each source. */
export function comparisonText(answers: readonly Answer[]): string {
  const known = answers.map(({ estimate }) => (estimate.confidence === "unknown" ? undefined : estimate));
  const table = borderlessTable({
    indent: 2,
    head: ["", ...answers.map(({ source }) => source)],
    colAligns: ["left", ...answers.map(() => "right" as const)],
  });
  const used = known.flatMap((found) => Object.entries(found?.parts ?? {}).filter(([, bytes]) => bytes > 0));
  const parts = new Set(used.map(([part]) => part));
  for (const part of parts) {
    table.push([partLabel(part), ...known.map((found) => (found ? formatBytes(found.parts[part] ?? 0) : "unknown"))]);
  }
  table.push(["total", ...known.map((found) => (found ? formatBytes(found.totalBytes) : "unknown"))]);
  table.push(["confidence", ...answers.map(({ estimate }) => estimate.confidence)]);
  if (answers.some(({ verdict }) => verdict !== undefined)) {
    table.push(["fits", ...answers.map(({ verdict }) => (verdict?.fit.fits ? "yes" : "no"))]);
  }
  const grids = answers.flatMap(({ source, grid }) => (grid === undefined ? [] : [`\n${source}\n${gridText(grid)}`]));
  return [printed(table), ...grids].join("\n");
}

function settingsText(settings: EstimateSettings): string {
  const slots =
    settings.parallel === "auto" ? "automatic slots" : `${settings.parallel} slot${settings.parallel === 1 ? "" : "s"}`;
  const cache = `${settings.cacheTypeK}/${settings.cacheTypeV} cache`;
  const attention = settings.flashAttention ? "" : ", flash attention off";
  const mode = settings.mode === undefined ? "" : `, mode ${settings.mode}`;
  return `context ${settings.contextSize} tokens, ${slots}, ${cache}, ${settings.backend}${mode}${attention}`;
}

function breakdown(estimate: KnownEstimate): string {
  const table = borderlessTable({ indent: 2, colAligns: ["left", "right", "left"] });
  const parts = Object.entries(estimate.parts).filter(([, bytes]) => bytes > 0);
  for (const [part, bytes] of parts) {
    table.push([
      partLabel(part),
      formatBytes(bytes),
      "█".repeat(Math.round((BAR_WIDTH * bytes) / estimate.totalBytes)),
    ]);
  }
  table.push(["total", formatBytes(estimate.totalBytes), ""]);
  return printed(table);
}

function verdictLines({ verdict, settings }: Answer): readonly string[] {
  if (verdict === undefined) return [];
  const { budget, fit, advice } = verdict;
  if (fit.reason === "MemoryCheckFailed") return ["", `  refused: ${fit.message}`];
  if (!fit.fits) return ["", `  does not fit: ${fit.message}`, `  ${adviceText(advice, settings)}`];
  const largest =
    advice.maxContextSize === undefined ? "" : `; a context of up to ${advice.maxContextSize} tokens would fit`;
  return ["", `  fits: ${describeBudget(budget)}, ${formatBytes(fit.headroomBytes)} to spare${largest}`];
}

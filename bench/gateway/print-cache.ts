import { formatBytes } from "../../api/quantity.ts";
import { markdown } from "../preview/table.ts";
import type { CacheChargeFigures } from "./cache-charge.ts";
import type { SecondTurnFigures } from "./second-turn.ts";

export function printSecondTurns({ rounds, tokens, ways }: SecondTurnFigures): void {
  const base = ways[0]?.firstMs ?? Number.NaN;
  const head = ["second turn", "to the first token, ms", "tokens from a cache", `/ ${ways[0]?.way}`];
  const rows = ways.map(({ way, firstMs, cachedTokens }) => [
    ...[way, firstMs.toFixed(0), `${cachedTokens} of ${tokens}`, (firstMs / base).toFixed(3)],
  ]);
  console.log(`${markdown(head, rows)}\n\nMedian of ${rounds}; another conversation of the same length in between.\n`);
}

export function printCacheCharges(figures: readonly CacheChargeFigures[]): void {
  const head = ["slots", "--cache-ram, MiB", "charge", "conversations", "peak", "left"];
  const rows = figures.flatMap(({ slots, limitMiB, chargeBytes, peaks }) =>
    peaks.map(({ conversations, bytes }) => [
      ...[String(slots), String(limitMiB), formatBytes(chargeBytes), String(conversations)],
      ...[formatBytes(bytes), `${((chargeBytes - bytes) / 2 ** 20).toFixed(1)} MiB`],
    ]),
  );
  console.log(`${markdown(head, rows)}\n\nAim: nothing below 0 left.\n`);
}

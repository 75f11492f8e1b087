/** `empty` has as many policies as ours, all of one resource; `empty of the kinds` has stack policies where ours has. */
export const PACKS = ["none", "empty", "empty of the kinds", "ours"] as const;
export type PackName = (typeof PACKS)[number];

/** A preview with each pack, for one number of models. */
export interface Measured {
  readonly models: number;
  readonly seconds: Readonly<Record<PackName, number>>;
  /** CPU seconds of the pack's process. */
  readonly cpuSeconds: Readonly<Record<PackName, number>>;
}

export interface Row extends Measured {
  /** What ours costs above no pack. */
  readonly overheadSeconds: number;
  /** CPU that ours takes above the empty pack, without its start, a model: from the least number of models to this. Undefined for the least. */
  readonly aboveEmptyMsAModel: number | undefined;
  /** The same from the number of models before this one: where it rises, the cost grows faster than the number. */
  readonly aboveEmptyMsEachMore: number | undefined;
  /** Whole preview with ours, as a multiple of that with each empty pack. */
  readonly ratio: Readonly<Record<"none" | "empty" | "empty of the kinds", number>>;
}

export interface Table {
  readonly rows: readonly Row[];
  /** CPU that ours takes above the empty pack with the least number of models. */
  readonly startDifferenceMs: number;
}

/** @param measured for each number of models, rising */
export function tableOf(measured: readonly Measured[]): Table {
  const [least] = measured;
  if (least === undefined) throw new Error("nothing was measured");
  const rows = measured.map((one, index) => rowOf(one, least, measured[index - 1]));
  return { rows, startDifferenceMs: 1000 * aboveEmpty(least) };
}

function rowOf(one: Measured, least: Measured, before: Measured | undefined): Row {
  const { seconds } = one;
  return {
    ...one,
    overheadSeconds: seconds.ours - seconds.none,
    aboveEmptyMsAModel: before && msBetween(least, one),
    aboveEmptyMsEachMore: before && msBetween(before, one),
    ratio: {
      none: seconds.ours / seconds.none,
      empty: seconds.ours / seconds.empty,
      "empty of the kinds": seconds.ours / seconds["empty of the kinds"],
    },
  };
}

function msBetween(from: Measured, to: Measured): number {
  return (1000 * (aboveEmpty(to) - aboveEmpty(from))) / (to.models - from.models);
}

function aboveEmpty({ cpuSeconds }: Measured): number {
  return cpuSeconds.ours - cpuSeconds.empty;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [lower, upper] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return ((lower ?? Number.NaN) + (upper ?? Number.NaN)) / 2;
}

/** The numbers of `1,100,500`, rising and each once; undefined where one of them is none, or not between 1 and 10,000. */
export function parseSizes(text: string): readonly number[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  if (!parts.every((part) => /^[1-9]\d*$/.test(part) && Number(part) <= 10_000)) return undefined;
  return [...new Set(parts.map(Number))].sort((one, other) => one - other);
}

/** A table of Markdown. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function digits(value: number | undefined, places: number): string {
  return value === undefined ? "" : value.toFixed(places);
}

// npm run bench:preview: what our policies add to a preview, beside empty ones, and how it grows. Minutes for the whole.
import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import prettyBytes from "pretty-bytes";
import { withProgress } from "../../cli/progress.ts";
import { startEngine } from "../../test/support/pulumi.ts";
import { type PreviewFigures, previewFigures } from "./measure.ts";
import { type PackageFigures, packageFigures } from "./package.ts";
import { digits, markdown, PACKS, parseSizes, type Row, tableOf } from "./table.ts";

interface Flags {
  readonly models: readonly number[];
  readonly rounds: number;
  readonly part?: "preview" | "package";
  readonly cpuProfile?: string;
  readonly json?: true;
}

const program = new Command("bench:preview")
  .description(
    "Measure what the recommended policies add to pulumi preview, beside as many empty ones, and what the package weighs.",
  )
  .option("--models <numbers>", "how many models, in one run", sizes, [1, 100, 500])
  .option("--rounds <number>", "previews of each kind; the median counts", rounds, 3)
  .option("--part <part>", "only preview, or only package", part)
  .option("--cpu-profile <file>", "write the CPU profile of the pack's process with the most models", (file) =>
    resolve(file),
  )
  .option("--json", "print JSON");

const flags = program.parse().opts<Flags>();
const previews = flags.part === "package" ? undefined : await measurePreviews(flags);
const wanted = flags.part !== "preview";
const weight = wanted ? await withProgress("installing and importing the package", packageFigures(7)) : undefined;
if (flags.json)
  console.log(JSON.stringify({ ...previews, table: previews && tableOf(previews.measured), package: weight }));
else {
  if (previews !== undefined) printPreviews(previews);
  if (weight !== undefined) printPackage(weight);
}

async function measurePreviews({ models, rounds: times, cpuProfile }: Flags): Promise<PreviewFigures> {
  const engine = await withProgress("starting the engine", startEngine());
  try {
    for (const sentence of engine.standIns) console.error(sentence);
    return await previewFigures(engine, { models, rounds: times, cpuProfile });
  } finally {
    await engine.close();
  }
}

function printPreviews({ policies, rounds: times, measured, headers, load }: PreviewFigures): void {
  const { rows, startDifferenceMs } = tableOf(measured);
  console.log(
    `${policies} policies; median of ${times}; load ${load.map((one) => one.toFixed(1)).join(" before, ")} after\n`,
  );
  const head = ["models", ...PACKS.map((pack) => `${pack}, s`), "above none, s"];
  const more = [
    "CPU of the pack: empty, s",
    "ours, s",
    "above empty, ms a model",
    "each more, ms",
    "/ none",
    "/ empty",
    "/ empty of the kinds",
  ];
  console.log(markdown([...head, ...more], rows.map(cells)));
  console.log(
    `\nStart: ${startDifferenceMs.toFixed(0)} ms of CPU above the empty pack (aim: 200); a model: aim 2 ms above it.\n`,
  );
  const { models, files, latencyMs, rows: read } = headers;
  console.log(`${models} models of ${files} files over HTTP, ${latencyMs} ms latency:\n`);
  const lines = read.map(({ cache, seconds, requests }) => [cache, seconds.toFixed(2), String(requests)]);
  console.log(markdown(["cache", "preview, s", "requests"], lines));
}

function cells({
  models,
  seconds,
  cpuSeconds,
  overheadSeconds,
  aboveEmptyMsAModel,
  aboveEmptyMsEachMore,
  ratio,
}: Row): string[] {
  const times = PACKS.map((pack) => seconds[pack].toFixed(2));
  const ratios = [ratio.none, ratio.empty, ratio["empty of the kinds"]].map((one) => one.toFixed(2));
  const cpu = [cpuSeconds.empty, cpuSeconds.ours].map((one) => one.toFixed(2));
  const a = digits(aboveEmptyMsAModel, 1);
  return [String(models), ...times, overheadSeconds.toFixed(2), ...cpu, a, digits(aboveEmptyMsEachMore, 1), ...ratios];
}

function printPackage({ importMs, tarballBytes, installedBytes, peersBytes }: PackageFigures): void {
  const beside = importMs["@pulumi/kubernetes"] ?? Number.NaN;
  const lines = Object.entries(importMs).map(([name, ms]) => [name, ms.toFixed(0), (ms / beside).toFixed(2)]);
  console.log(`\n${markdown(["import", "ms, median of 7", "/ @pulumi/kubernetes"], lines)}`);
  console.log(
    `\nTarball: ${prettyBytes(tarballBytes)}. node_modules: ${prettyBytes(installedBytes)}, and ${prettyBytes(peersBytes)} with only @pulumi/pulumi and @pulumi/kubernetes.`,
  );
}

function sizes(text: string): readonly number[] {
  const read = parseSizes(text);
  if (read === undefined) throw new InvalidArgumentError("It must be numbers from 1 to 10000, for example 1,100,500.");
  return read;
}

function rounds(text: string): number {
  const [one, ...others] = parseSizes(text) ?? [];
  if (one === undefined || others.length > 0) throw new InvalidArgumentError("It must be a number, for example 3.");
  return one;
}

function part(text: string): "preview" | "package" {
  if (text !== "preview" && text !== "package") throw new InvalidArgumentError("It must be preview or package.");
  return text;
}

// npm run bench:gateway [-- delay throughput resident wake second-turn cache-charge trace]: what the gateway costs beside bare servers, what
// a prompt cache gains and holds, and what the gateway does beside llama.cpp's router. Linux only; some fifteen minutes for the whole.
import { Argument, Command, InvalidArgumentError } from "commander";
import { withProgress } from "../../cli/progress.ts";
import { parseSizes } from "../preview/table.ts";
import { type CacheChargeFigures, cacheCharges } from "./cache-charge.ts";
import { endChildren, endChildrenAtSignals, isInterrupted } from "./children.ts";
import { type DelayFigures, delays } from "./delay.ts";
import { printDelays, printResidents, printThroughput, printTrace, printWaking } from "./print.ts";
import { printCacheCharges, printSecondTurns } from "./print-cache.ts";
import { type ResidentFigures, residents } from "./resident.ts";
import { type SecondTurnFigures, secondTurns } from "./second-turn.ts";
import { type ThroughputFigures, throughput } from "./throughput.ts";
import { type TraceFigures, trace } from "./trace.ts";
import { type WakingFigures, waking } from "./waking.ts";

const PARTS = ["delay", "throughput", "resident", "wake", "second-turn", "cache-charge", "trace"] as const;
type Part = (typeof PARTS)[number];

interface Flags {
  readonly requests: number;
  readonly seconds: number;
  readonly seed: number;
  readonly rounds: number;
  readonly json?: true;
}

interface Figures {
  delay?: readonly DelayFigures[];
  throughput?: readonly ThroughputFigures[];
  resident?: readonly ResidentFigures[];
  wake?: WakingFigures;
  secondTurn?: SecondTurnFigures;
  cacheCharge?: readonly CacheChargeFigures[];
  trace?: TraceFigures;
}

const SERVERS = ["paced", "real"] as const;
const REQUESTS_OF_DELAY = { paced: { requests: 200, tokens: 10 }, real: { requests: 30, tokens: 8 } };
const THROUGHPUT = { streams: [1, 16, 64], tokens: { real: 256, paced: 6400 } };
const MOST_OF_ONE_STREAM = 100;
const RESIDENT = { idle: 1000, stalled: 64 };
const CACHE_CHARGE = { slots: [1, 4], limitsMiB: [0, 64, 128], conversations: [8, 16, 32] };

const program = new Command("bench:gateway")
  .description(
    "Measure what the gateway adds to a bare llama-server, what connections cost it, what a prompt cache gains and holds, and how it serves six models of which three fit, beside llama.cpp's own router.",
  )
  .addArgument(new Argument("[parts...]", "what to measure; all by default").choices(PARTS))
  .option("--requests <number>", "requests of the trace", count, 500)
  .option("--seconds <number>", "time in which the trace sends them", count, 100)
  .option("--seed <number>", "which trace", count, 1)
  .option("--rounds <number>", "rounds of throughput, wake and second-turn; the median counts", count, 3)
  .option("--json", "print JSON");

const flags = program.parse().opts<Flags>();
const parts = program.args.length === 0 ? PARTS : PARTS.filter((part) => program.args.includes(part));

endChildrenAtSignals();
try {
  const figures: Figures = {};
  for (const part of parts) await measure(part, figures);
  print(figures);
} catch (error) {
  if (!isInterrupted()) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
} finally {
  await endChildren();
}

async function measure(part: Part, figures: Figures): Promise<void> {
  if (part === "delay") figures.delay = await ofBoth((server) => delays(server, REQUESTS_OF_DELAY[server]));
  if (part === "throughput") figures.throughput = (await ofBoth(throughputOf)).flat();
  if (part === "resident") figures.resident = await withProgress("resident growth", residents(RESIDENT));
  if (part === "wake") figures.wake = await withProgress("waking a model", waking(flags.rounds));
  if (part === "second-turn") figures.secondTurn = await withProgress("second turns", secondTurns(flags.rounds));
  if (part === "cache-charge") figures.cacheCharge = await withProgress("full caches", cacheCharges(CACHE_CHARGE));
  if (part === "trace") {
    const wanted = { requests: flags.requests, overMs: flags.seconds * 1000, seed: flags.seed };
    figures.trace = await trace(wanted, (line) => console.error(`… ${line}`));
  }
}

async function ofBoth<One>(measureOne: (server: (typeof SERVERS)[number]) => Promise<One>): Promise<One[]> {
  const seen: One[] = [];
  for (const server of SERVERS) seen.push(await withProgress(`${server} server`, measureOne(server)));
  return seen;
}

function throughputOf(server: (typeof SERVERS)[number]): Promise<readonly ThroughputFigures[]> {
  return throughput(server, { ...THROUGHPUT, rounds: flags.rounds, mostEach: MOST_OF_ONE_STREAM });
}

function print(figures: Figures): void {
  if (flags.json) {
    console.log(JSON.stringify(figures));
    return;
  }
  if (figures.delay !== undefined) printDelays(figures.delay);
  if (figures.throughput !== undefined) printThroughput(figures.throughput);
  if (figures.resident !== undefined) printResidents(figures.resident);
  if (figures.wake !== undefined) printWaking(figures.wake);
  if (figures.secondTurn !== undefined) printSecondTurns(figures.secondTurn);
  if (figures.cacheCharge !== undefined) printCacheCharges(figures.cacheCharge);
  if (figures.trace !== undefined) printTrace(figures.trace);
}

function count(text: string): number {
  const [one, ...others] = parseSizes(text) ?? [];
  if (one === undefined || others.length > 0)
    throw new InvalidArgumentError("It must be a number from 1 to 10000, for example 5.");
  return one;
}

// npm run bench:synthetic [-- --record] [model ...]: compares the estimate with what llama-server reserves for the shapes of
// test/support/synthetic-shapes.ts. With --record it writes the result into test/fixtures/synthetic.json; cases of single
// models that another llama.cpp has measured than the rest say so.
import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import getPort from "get-port";
import { MiB } from "../api/bytes.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import { type WriterTensor, writeGgufFile } from "../test/support/gguf-writer.ts";
import {
  type Measured,
  readSynthetic,
  SYNTHETIC_FIXTURE,
  type SyntheticCases,
  type SyntheticRun,
  settingsOf,
  syntheticHeader,
  syntheticModel,
} from "../test/support/synthetic-models.ts";
import { SYNTHETIC_SHAPES, type SyntheticShape } from "../test/support/synthetic-shapes.ts";
import { temporaryDirectory } from "../test/support/workspace.ts";
import { ensureTool } from "../toolchain/ensure.ts";

const LONGEST_LOAD_MS = 60_000;
const MOST_TENSORS = 20_000;
/** Dense models that are also measured without flash attention. */
const WITHOUT_FLASH: readonly string[] = ["llama3.1-8b", "qwen2.5-7b", "gemma-2b"];

/** Tensors by name, with the shapes that the loader asks for. */
type Tensors = Map<string, readonly number[]>;

const server = await ensureTool("llama-server");
const folder = await temporaryDirectory();
const port = String(await getPort());
const { values, positionals } = parseArgs({ allowPositionals: true, options: { record: { type: "boolean" } } });
const names = positionals.length > 0 ? positionals : Object.keys(SYNTHETIC_SHAPES);
const version = await versionOf(server);
const recordedBefore = readSynthetic();
const isWhole = positionals.length === 0;
const own = isWhole || version === recordedBefore.llamaCpp ? {} : { llamaCpp: version };
const recorded: SyntheticCases["models"] = isWhole ? {} : { ...recordedBefore.models };
for (const name of names) {
  const shape = SYNTHETIC_SHAPES[name];
  if (shape === undefined) throw new Error(`there is no shape ${name}`);
  try {
    recorded[name] = await measureModel(name, shape);
    if (values.record) await writeFixture();
  } catch (error) {
    console.log(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}
await rm(folder, { recursive: true, force: true });

async function measureModel(name: string, shape: SyntheticShape): Promise<Measured[]> {
  const path = join(folder, `${name}.gguf`);
  const tensors: Tensors = new Map((shape.optional ?? []).map((tensor) => [tensor, [1]]));
  const results: Measured[] = [];
  for (const run of runsOf(name)) {
    const measured = { ...run, ...parsed(await loaded(path, shape, tensors, run)), ...own };
    results.push(measured);
    console.log(await line(name, shape, measured));
  }
  await rm(path);
  return results;
}

function runsOf(name: string): readonly SyntheticRun[] {
  const runs: SyntheticRun[] = [
    { contextSize: 8192, parallel: 1, ubatch: 512, flashAttention: true },
    { contextSize: 32768, parallel: 4, ubatch: 1024, flashAttention: true },
  ];
  const withoutFlash = { contextSize: 8192, parallel: 1, ubatch: 512, flashAttention: false };
  return WITHOUT_FLASH.includes(name) ? [...runs, withoutFlash] : runs;
}

/**
 * The log of a server that has reserved all its memory. Until then the loader names the tensors that it wants, one
 * after another.
 */
async function loaded(path: string, shape: SyntheticShape, tensors: Tensors, run: SyntheticRun): Promise<string> {
  let spreading = true;
  for (let round = 0; round < MOST_TENSORS; round++) {
    const layers = Number(shape.keys["block_count"]);
    const offered = spreading ? spread(tensors, layers) : tensors;
    await writeGgufFile(path, syntheticModel(shape, listed(offered)));
    const log = await serverLog(path, run);
    if (log.includes("- Host ")) {
      for (const [name, dimensions] of offered) tensors.set(name, dimensions);
      return log;
    }
    if (spreading && log.includes("wrong number of tensors")) spreading = false;
    else if (!learn(log, tensors)) throw new Error(complaintOf(log));
  }
  throw new Error(`more than ${MOST_TENSORS} tensors`);
}

function listed(tensors: Tensors): readonly WriterTensor[] {
  return [...tensors].map(([name, dimensions]) => ({ name, shape: dimensions, type: typeOf(name, dimensions) }));
}

/** F16 for matrices that are multiplied, I32 for tables of expert numbers, F32 for everything else. */
function typeOf(name: string, dimensions: readonly number[]): number {
  if (name.includes("tid2eid")) return 26;
  const small = /norm|conv|ssm_|time_mix|bias|shortconv|kda|altup|router|_scale|sinks|pos_embd|token_types/.test(name);
  return dimensions.length > 1 && !small ? 1 : 0;
}

/**
 * Adds the tensor that the loader misses, or corrects the one that it refuses. Returns false if it complains about
 * something else.
 */
function learn(log: string, tensors: Tensors): boolean {
  const missing = /missing tensor '([^']+)'|tensor '([^']+)' not found/.exec(log)?.slice(1).find(Boolean);
  if (missing !== undefined) {
    const sibling = [...tensors].findLast(([name]) => suffixOf(name) === suffixOf(missing));
    tensors.set(missing, sibling?.[1] ?? [1]);
    return true;
  }
  const wrong = /tensor '([^']+)' has wrong shape; expected\s+([\d, ]+), got/.exec(log);
  if (wrong?.[1] === undefined || wrong[2] === undefined) return false;
  const dimensions = wrong[2].split(",").map(Number);
  while (dimensions.length > 1 && dimensions.at(-1) === 1) dimensions.pop();
  tensors.set(wrong[1], dimensions);
  return true;
}

/** Gives every layer the tensors of the first layer of its kind, which saves hundreds of starts and may be wrong. */
function spread(tensors: Tensors, layers: number): Tensors {
  const all: Tensors = new Map();
  for (const [name, dimensions] of tensors) {
    const from = /^blk\.(\d+)\./.exec(name)?.[1];
    const last = from === undefined ? 0 : layers;
    all.set(name, dimensions);
    for (let layer = Number(from ?? 0) + 1; layer < last; layer++)
      all.set(`blk.${layer}.${suffixOf(name)}`, dimensions);
  }
  return all;
}

function suffixOf(name: string): string {
  return name.replace(/^blk\.\d+\./, "");
}

/** Runs llama-server until it has printed its memory, which it does before it reads any weights, or until it exits. */
async function serverLog(path: string, run: SyntheticRun): Promise<string> {
  const { contextSize, parallel, ubatch, flashAttention } = run;
  const size = ["-c", contextSize, "-np", parallel, "-b", 2048, "-ub", ubatch, "-fa", flashAttention ? "on" : "off"];
  const fixed = ["-lv", "5", "--device", "none", "--no-repack", "-fit", "on", "--no-warmup", "--load-mode", "mmap"];
  const quiet = ["--cache-ram", "0", "--ctx-checkpoints", "0", "--host", "127.0.0.1", "--port", port];
  const child = spawn(server, ["-m", path, ...size.map(String), ...fixed, ...quiet]);
  const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_LOAD_MS);
  let log = "";
  const read = (chunk: Buffer) => {
    log += chunk.toString();
    if (log.includes("- Host ")) child.kill("SIGKILL");
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return log;
}

function parsed(log: string): Pick<Measured, "kvMiB" | "recurrentMiB" | "computeMiB"> {
  return {
    kvMiB: total(log, /llama_kv_cache\w*: size =\s+([\d.]+) MiB/g),
    recurrentMiB: total(
      log,
      /(?:llama_memory_recurrent:|llama_dsv4_comp_state: .* layers = \d+,) size =\s+([\d.]+) MiB/g,
    ),
    computeMiB: total(log, /CPU compute buffer size =\s+([\d.]+) MiB/g),
  };
}

function total(log: string, pattern: RegExp): number {
  const sum = [...log.matchAll(pattern)].reduce((all, [, mib]) => all + Number(mib), 0);
  return Number(sum.toFixed(2));
}

function complaintOf(log: string): string {
  const lines = log.split("\n").filter((text) => /error|GGML_ASSERT|exception|failed/.test(text));
  return lines.slice(0, 3).join(" | ") || log.slice(-600);
}

async function line(name: string, shape: SyntheticShape, measured: Measured): Promise<string> {
  const found = estimate(await syntheticHeader(shape, folder), settingsOf(measured));
  if (!found.ok || found.value.confidence === "unknown")
    return `${name}: no estimate (${JSON.stringify({ ...measured, ...found })})`;
  const { kv, recurrent } = found.value.contextBytes;
  const compute = found.value.computeBytes.host;
  const pair = (mib: number, bytes: number) => `${mib} (${(bytes / MiB - mib).toFixed(1)})`;
  const { contextSize, parallel, flashAttention, kvMiB, recurrentMiB, computeMiB } = measured;
  const settings = `-c ${contextSize} -np ${parallel}${flashAttention ? "" : " -fa off"}`;
  const parts = `kv ${pair(kvMiB, kv)} rs ${pair(recurrentMiB, recurrent)} compute ${pair(computeMiB, compute)}`;
  return `${name} ${shape.architecture} ${settings}: ${parts}`;
}

async function versionOf(binary: string): Promise<string> {
  const { stdout, stderr } = await execa(binary, ["--version"]);
  return /version: (\S+)/.exec(stdout + stderr)?.[1] ?? "unknown";
}

async function writeFixture(): Promise<void> {
  await writeFile(
    SYNTHETIC_FIXTURE,
    `${JSON.stringify({ llamaCpp: isWhole ? version : recordedBefore.llamaCpp, models: recorded }, undefined, 2)}\n`,
  );
}

// npm run bench:modes [-- --record] [model ...]: compares the estimate with what llama-server reserves, and what its process holds after inputs as
// long as its slots, in each mode, with the flags that the agent sets. With --record it writes test/fixtures/modes.json; cases of other models stay
// as they are. Linux only.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setInterval, setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { execa } from "execa";
import getPort from "get-port";
import { EVERY_OPTION, type ServerFields, serverFlags } from "../agent/llama-server/flags.ts";
import { MiB } from "../api/bytes.ts";
import { readHeader } from "../gguf/read.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import { canSplitInputs } from "../memory/estimate/inputs.ts";
import { writeGgufFile } from "../test/support/gguf-writer.ts";
import {
  type MeasuredMode,
  MODE_MODELS,
  MODES_FIXTURE,
  type ModeRun,
  modeSettings,
} from "../test/support/mode-models.ts";
import { temporaryDirectory } from "../test/support/workspace.ts";
import { ensureTool } from "../toolchain/ensure.ts";

const LONGEST_MS = 240_000;
const SAMPLE_MS = 20;
const GEMMA = "gemma3-270m";
const PLAIN = { parallel: 1, batchSize: "auto", ubatchSize: "auto", flashAttention: true, cacheType: "f16" } as const;
const EMBEDDING = { ...PLAIN, mode: "embedding" } as const;

const RUNS: readonly ModeRun[] = [
  { ...EMBEDDING, model: GEMMA, contextSize: 2048, ubatchSize: 512 },
  { ...EMBEDDING, model: GEMMA, contextSize: 2048, pooling: "last" },
  { ...EMBEDDING, model: GEMMA, contextSize: 1024, pooling: "mean" },
  { ...EMBEDDING, model: GEMMA, contextSize: 512, pooling: "cls", flashAttention: false },
  { ...EMBEDDING, model: GEMMA, contextSize: 1024, parallel: 4, pooling: "none" },
  { ...EMBEDDING, model: GEMMA, contextSize: 512, parallel: "auto", pooling: "mean", cacheType: "q8_0" },
  { ...PLAIN, mode: "rerank", model: GEMMA, contextSize: 1024 },
  { ...PLAIN, mode: "chat", model: GEMMA, contextSize: 1024 },
  { ...EMBEDDING, model: "synthetic-qwen3-last", contextSize: 4096 },
  { ...EMBEDDING, model: "synthetic-qwen3-last", contextSize: 1024, pooling: "mean", parallel: 2 },
  { ...PLAIN, mode: "rerank", model: "synthetic-qwen3-last", contextSize: 1024 },
  { ...EMBEDDING, model: "synthetic-llama-mean", contextSize: 2048 },
  { ...PLAIN, mode: "rerank", model: "synthetic-llama-mean", contextSize: 1024 },
  { ...EMBEDDING, model: "synthetic-gemma-embedding", contextSize: 1024 },
  { ...EMBEDDING, model: "synthetic-gemma-embedding", contextSize: 512, parallel: "auto" },
  { ...EMBEDDING, model: "synthetic-bert", contextSize: 2048 },
  { ...EMBEDDING, model: "synthetic-bert", contextSize: 1024, parallel: 4, pooling: "none", flashAttention: false },
  { ...EMBEDDING, model: "synthetic-bert", contextSize: 512, ubatchSize: 2048, batchSize: 2048, parallel: "auto" },
];

const server = await ensureTool("llama-server");
const folder = await temporaryDirectory();
const { values, positionals } = parseArgs({ allowPositionals: true, options: { record: { type: "boolean" } } });
const { stdout, stderr } = await execa(server, ["--version"]);
const llamaCpp = /version: (\S+)/.exec(stdout + stderr)?.[1] ?? "unknown";
const isAsked = ({ model }: ModeRun) => positionals.length === 0 || positionals.includes(model);
const before = await recordedModes();
if (values.record && positionals.length > 0 && before.llamaCpp !== llamaCpp) {
  throw new Error(`the other cases were measured with llama.cpp ${before.llamaCpp}, this is ${llamaCpp}: record all`);
}
const kept = before.cases.filter((one) => !isAsked(one));
const cases: MeasuredMode[] = [];
for (const run of RUNS.filter(isAsked)) {
  try {
    cases.push(await measured(run));
  } catch (error) {
    console.log(`${JSON.stringify(run)}: ${error instanceof Error ? error.message : error}`);
  }
  if (values.record)
    await writeFile(
      MODES_FIXTURE,
      `${JSON.stringify({ llamaCpp, cases: inOrder([...kept, ...cases]) }, undefined, 2)}\n`,
    );
}
await rm(folder, { recursive: true, force: true });

async function recordedModes(): Promise<{ readonly llamaCpp: string; readonly cases: readonly MeasuredMode[] }> {
  return JSON.parse(await readFile(MODES_FIXTURE, "utf8"));
}

/** As the runs are listed. */
function inOrder(all: readonly MeasuredMode[]): readonly MeasuredMode[] {
  const models = RUNS.map(({ model }) => model);
  return all.toSorted((a, b) => models.indexOf(a.model) - models.indexOf(b.model));
}

async function measured(run: ModeRun): Promise<MeasuredMode> {
  const path = await fileOf(run.model);
  const header = await readHeader(path);
  if (!header.ok) throw new Error(header.error);
  const settings = modeSettings(run);
  const splits = canSplitInputs(header.value, settings) && run.mode !== "chat";
  const port = await getPort();
  const flags = [
    ...serverFlags(fieldsOf(run, port), { model: path, splitsInputs: splits }, EVERY_OPTION),
    "--no-warmup",
  ];
  const { computeMiB, projectedMiB } = await projection(flags);
  const held = await holding(flags, `http://127.0.0.1:${port}`, run);
  const found = estimate(header.value, settings);
  const total = found.ok && found.value.confidence !== "unknown" ? found.value.totalBytes / MiB : 0;
  console.log(
    `${JSON.stringify(run)}: projected ${projectedMiB}, held ${held.footprintMiB}, estimated ${total.toFixed(1)} MiB`,
  );
  return { ...run, computeMiB, projectedMiB, ...held };
}

async function fileOf(name: string): Promise<string> {
  if (name === GEMMA) return ensureTool("gemma3-270m");
  const model = MODE_MODELS[name];
  if (model === undefined) throw new Error(`there is no model ${name}`);
  const path = join(folder, `${name}.gguf`);
  await writeGgufFile(path, model);
  return path;
}

function fieldsOf(run: ModeRun, port: number): ServerFields {
  return {
    ...{ name: "bench/modes", host: "127.0.0.1", port, mode: run.mode, settings: modeSettings(run) },
    ...{ apiKeyFile: undefined, gpuLayers: undefined, ropeScaling: undefined, speculation: undefined },
    ...{ jinja: undefined, noWarmup: undefined, reasoningBudget: undefined, reasoningBudgetMessage: undefined },
    extraArgs: run.pooling === undefined ? [] : ["--pooling", run.pooling],
  };
}

/** What the server says before it reads any weights. */
async function projection(flags: readonly string[]): Promise<Pick<MeasuredMode, "computeMiB" | "projectedMiB">> {
  const fit = flags.indexOf("--fit");
  const child = spawn(server, [...flags.slice(0, fit), "--fit", "on", ...flags.slice(fit + 2), "--log-verbosity", "5"]);
  const timer = sleep(LONGEST_MS, undefined, { ref: false });
  let log = "";
  const done = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("- Host ")) child.kill("SIGKILL");
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("close", () => resolve());
  });
  await Promise.race([done, timer]);
  child.kill("SIGKILL");
  const projected = /- Host\s+\|\s+(\d+) =/.exec(log)?.[1];
  const compute = /CPU compute buffer size =\s+([\d.]+) MiB/.exec(log)?.[1];
  if (projected === undefined || compute === undefined) throw new Error(log.slice(-600));
  return { projectedMiB: Number(projected), computeMiB: Number(compute) };
}

/** The most anonymous memory of the process, while and after each slot answers an input that fills it but for a few tokens. */
async function holding(
  flags: readonly string[],
  url: string,
  run: ModeRun,
): Promise<Pick<MeasuredMode, "footprintMiB" | "answeredTokens">> {
  const child = spawn(server, flags, { stdio: "ignore" });
  const watching = new AbortController();
  let most = 0;
  const watch = (async () => {
    for await (const _ of setInterval(SAMPLE_MS, undefined, { signal: watching.signal })) {
      most = Math.max(most, anonymousMiB(child.pid ?? 0));
    }
  })().catch(() => {});
  try {
    await healthy(url);
    const slots = run.parallel === "auto" ? 4 : run.parallel;
    const length = inputOf(run, slots);
    await Promise.all(Array.from({ length: slots }, (_, slot) => ask(url, run, length, slot)));
    await sleep(10 * SAMPLE_MS);
    return { footprintMiB: Number(most.toFixed(1)), answeredTokens: length * slots };
  } finally {
    watching.abort();
    child.kill("SIGKILL");
    await watch;
  }
}

function inputOf(run: ModeRun, slots: number): number {
  const slot = run.parallel === "auto" ? run.contextSize : run.contextSize / slots;
  const physical = run.ubatchSize === "auto" || run.mode === "chat" ? slot : run.ubatchSize;
  return Math.min(slot, physical) - 2;
}

async function ask(url: string, run: ModeRun, length: number, slot: number): Promise<void> {
  const tokens = Array.from({ length }, (_, index) => 5 + ((7 * index + slot) % 1000));
  const [path, body] =
    run.mode === "chat" ? ["/completion", { prompt: tokens, n_predict: 1 }] : ["/embedding", { content: tokens }];
  const answer = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${text.slice(0, 300)}`);
}

async function healthy(url: string): Promise<void> {
  for (const end = performance.now() + LONGEST_MS; performance.now() < end; await sleep(100)) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.status === 200) return;
  }
  throw new Error("the server did not become healthy");
}

function anonymousMiB(pid: number): number {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

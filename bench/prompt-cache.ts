// node bench/prompt-cache.ts: what llama-server's prompt cache gains and holds, with Gemma 3 270M and one slot. The second turn of a
// conversation of 3,000 tokens after another conversation, with the cache off and on, in one run; then the footprint of a server whose
// cache is full beside what it is charged with. Linux only: footprints are measured as the agent measures them there.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { processBytes } from "../agent/host/linux/meter.ts";
import { EVERY_OPTION, type ServerFields, serverFlags } from "../agent/llama-server/flags.ts";
import { MiB } from "../api/bytes.ts";
import { readHeader } from "../gguf/read.ts";
import { estimateWhole } from "../memory/served.ts";
import { fields } from "../test/agent/samples.ts";
import { ensureTool } from "../toolchain/ensure.ts";

const TURNS = Number(process.env["TURNS"] ?? 5);
const WORDS = 2950;
/** Conversations for each MiB of the cache: of about 8 MiB each, so that it is filled almost twice. */
const FILLING = 0.2;
const SAMPLE_MS = 100;
const COMMON = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school"];

const llamaServer = await ensureTool("llama-server");
const model = await ensureTool("gemma3-270m");
const read = await readHeader(model);
if (!read.ok) throw new Error(read.error);
const header = read.value;

const off = await secondTurns(0);
const on = await secondTurns(512);
console.log(
  `second turn, cache off: ${off.ms.toFixed(0)} ms to the first token, ${off.cached} tokens cached (median of ${TURNS})`,
);
console.log(
  `second turn, cache on:  ${on.ms.toFixed(0)} ms to the first token, ${on.cached} tokens cached (median of ${TURNS})`,
);
console.log(`ratio on / off: ${(on.ms / off.ms).toFixed(3)}`);
for (const cacheRamMiB of [64, 128]) console.log(await filled(cacheRamMiB));

interface Turn {
  readonly ms: number;
  readonly cached: number;
}

async function secondTurns(cacheRamMiB: number): Promise<Turn> {
  const server = await started(cacheRamMiB);
  try {
    const turns: Turn[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const first = conversation(turn);
      await server.ask(first);
      await server.ask(conversation(1000 + turn));
      turns.push(await server.ask(`${first} and then`));
    }
    return turns.toSorted((one, other) => one.ms - other.ms)[Math.floor(TURNS / 2)] ?? { ms: 0, cached: 0 };
  } finally {
    await server.end();
  }
}

/** Of several lengths, so that entries of several sizes come and go. */
function words(index: number): number {
  return 200 + ((index * 217) % 500);
}

/** The peak of a server whose cache has been filled, emptied and used, beside its charge. */
async function filled(cacheRamMiB: number): Promise<string> {
  const server = await started(cacheRamMiB);
  try {
    for (let index = 0; index < FILLING * cacheRamMiB; index += 1) {
      const prompt = conversation(index, words(index));
      await server.ask(prompt);
      if (index % 3 === 2) await server.ask(`${conversation(index - 1, words(index - 1))} and then`);
    }
    const charge = chargeOf(server.fields);
    const { peak } = server;
    return `cache of ${cacheRamMiB} MiB, full: peak ${mib(peak())}, charge ${mib(charge)}, left ${mib(charge - peak())}`;
  } finally {
    await server.end();
  }
}

function chargeOf({ settings }: ServerFields): number {
  const estimate = estimateWhole({ header }, settings);
  if (!estimate.ok || estimate.value.confidence === "unknown") throw new Error("no estimate");
  return estimate.value.totalBytes;
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

/** About so many tokens, different from the first word on. */
function conversation(seed: number, length = WORDS): string {
  let state = seed * 7919 + 1;
  return Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return COMMON[state % COMMON.length];
  }).join(" ");
}

async function started(cacheRamMiB: number) {
  const port = await getPort();
  const settings = {
    ...fields.settings,
    contextSize: 4096,
    parallel: 1,
    backend: "cpu" as const,
    cacheRamMiB,
    loadMode: "none" as const,
  };
  const served: ServerFields = { ...fields, port, settings: { ...settings, cacheTypeK: "f16" } };
  const flags = serverFlags(served, { model }, EVERY_OPTION).filter((flag) => flag !== "--no-webui");
  const at = flags.indexOf("--cache-ram");
  const child = spawn(llamaServer, flags.with(at + 1, String(cacheRamMiB)), { stdio: "ignore" });
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, bytesOf(child));
  }, SAMPLE_MS);
  const url = `http://127.0.0.1:${port}`;
  while (!(await isHealthy(url))) {
    if (child.exitCode !== null) throw new Error(`llama-server ended with ${child.exitCode}`);
    await sleep(100);
  }
  return {
    fields: served,
    peak: () => peak,
    ask: (prompt: string) => ask(url, prompt),
    end: async () => {
      clearInterval(sampling);
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}

function bytesOf({ pid }: ChildProcess): number {
  const bytes = pid === undefined ? undefined : processBytes(pid);
  return typeof bytes === "number" ? bytes : 0;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
}

async function ask(url: string, prompt: string): Promise<Turn> {
  const begun = performance.now();
  const body = JSON.stringify({ prompt, n_predict: 1, temperature: 0, cache_prompt: true });
  const answer = await fetch(`${url}/completion`, { method: "POST", body });
  const { timings } = (await answer.json()) as { readonly timings: { readonly cache_n?: number } };
  return { ms: performance.now() - begun, cached: timings.cache_n ?? 0 };
}

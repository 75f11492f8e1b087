// node bench/saved-slots.ts: what llama-server gains from a slot that was saved before it was ended and restored when it was started again,
// with one slot. The second turn of a conversation of 3,000 tokens: with the server that read the first turn, after a restart, and after a
// restart with the saved slot; with full attention, and with the sliding window of Gemma 3. TURNS: of how many the median is taken.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { EVERY_OPTION, type ServerFields, serverFlags } from "../agent/llama-server/flags.ts";
import { MiB } from "../api/bytes.ts";
import { fields } from "../test/agent/samples.ts";
import { fullAttention } from "../test/support/full-attention.ts";
import { temporaryDirectory } from "../test/support/workspace.ts";
import { ensureTool } from "../toolchain/ensure.ts";

const TURNS = Number(process.env["TURNS"] ?? 3);
const WORDS = Number(process.env["WORDS"] ?? 2950);
const COMMON = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school"];
const FILE = "slot-0";

const llamaServer = await ensureTool("llama-server");
const sliding = await ensureTool("gemma3-270m");
for (const [name, model] of [
  ["full attention", await fullAttention(sliding)],
  ["sliding window", sliding],
] as const) {
  for (const line of await compared(model)) console.log(`${name}, ${line}`);
}

interface Turn {
  readonly ms: number;
  readonly read: number;
  readonly text: string;
}

async function compared(model: string): Promise<readonly string[]> {
  const warm: Turn[] = [];
  const cold: Turn[] = [];
  const restored: Turn[] = [];
  const costs: string[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const folder = await temporaryDirectory();
    const first = conversation(turn);
    let server = await started(model, folder);
    const { text } = await server.ask(first);
    const next = `${first}${text} and then`;
    const saving = performance.now();
    const saved = await server.act("save");
    const savedMs = performance.now() - saving;
    warm.push(await server.ask(next));
    await server.end();
    server = await started(model, folder);
    cold.push(await server.ask(next));
    await server.end();
    server = await started(model, folder);
    const restoring = performance.now();
    const given = await server.act("restore");
    const restoredMs = performance.now() - restoring;
    restored.push(await server.ask(next));
    await server.end();
    const { size } = await stat(join(folder, FILE));
    costs.push(
      `${saved} and ${given} tokens, ${(size / MiB).toFixed(1)} MiB: saved in ${savedMs.toFixed(0)} ms, restored in ${restoredMs.toFixed(0)} ms`,
    );
  }
  const same = restored.every(({ text }, index) => text === cold[index]?.text && text === warm[index]?.text);
  return [
    `second turn at once:        ${shown(median(warm))}`,
    `second turn after a start:  ${shown(median(cold))}`,
    `second turn after a restore: ${shown(median(restored))}`,
    `ratio restored / started: ${(median(restored).ms / median(cold).ms).toFixed(3)}; the same answers: ${same}`,
    ...costs,
  ];
}

function median(turns: readonly Turn[]): Turn {
  return turns.toSorted((one, other) => one.ms - other.ms)[Math.floor(TURNS / 2)] ?? { ms: 0, read: 0, text: "" };
}

function shown({ ms, read }: Turn): string {
  return `${ms.toFixed(0)} ms to the end of 4 tokens, ${read} tokens of the prompt read`;
}

/** About so many tokens, different from the first word on. */
function conversation(seed: number): string {
  let state = seed * 7919 + 1;
  return Array.from({ length: WORDS }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return COMMON[state % COMMON.length];
  }).join(" ");
}

async function started(model: string, slotSavePath: string) {
  const port = await getPort();
  const settings = {
    ...fields.settings,
    contextSize: 4096,
    parallel: 1,
    backend: "cpu" as const,
    loadMode: "none" as const,
  };
  const served: ServerFields = { ...fields, port, settings: { ...settings, cacheTypeK: "f16" } };
  const flags = serverFlags(served, { model, slotSavePath }, EVERY_OPTION).filter((flag) => flag !== "--no-webui");
  const child = spawn(llamaServer, flags, { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  while (!(await isHealthy(url))) {
    if (child.exitCode !== null) throw new Error(`llama-server ended with ${child.exitCode}`);
    await sleep(50);
  }
  return {
    ask: (prompt: string) => ask(url, prompt),
    act: async (action: "save" | "restore") => {
      const body = JSON.stringify({ filename: FILE });
      const answer = await fetch(`${url}/slots/0?action=${action}`, { method: "POST", body });
      if (!answer.ok) throw new Error(await answer.text());
      const { n_saved, n_restored } = (await answer.json()) as {
        readonly n_saved?: number;
        readonly n_restored?: number;
      };
      return n_saved ?? n_restored ?? 0;
    },
    end: async () => {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
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
  const body = JSON.stringify({ prompt, n_predict: 4, temperature: 0, cache_prompt: true });
  const answer = await fetch(`${url}/completion`, { method: "POST", body });
  const { timings, content } = (await answer.json()) as {
    readonly timings: { readonly prompt_n: number };
    readonly content: string;
  };
  return { ms: performance.now() - begun, read: timings.prompt_n, text: content };
}

import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { AgentStatus } from "../../agent/status/status.ts";
import { temporaryDirectory } from "../../test/support/workspace.ts";
import { type Quantiles, quantiles, tally } from "./figures.ts";
import { commandLine, type Peak, sampleServers } from "./processes.ts";
import { startBare, startGatewayAgent } from "./scene.ts";
import { wake } from "./sides.ts";
import { type Answer, eachItsOwn, streamOnce } from "./stream-request.ts";
import { type Planned, planTrace } from "./trace-plan.ts";

export interface TraceWanted {
  readonly requests: number;
  readonly overMs: number;
  readonly seed: number;
}

export interface SideFigures {
  readonly who: "gateway" | "router";
  readonly requests: number;
  /** Without a whole answer. */
  readonly lost: number;
  /** How requests ended, by outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** From the request to its first token, of those that were answered, in milliseconds. */
  readonly wait: Quantiles;
  readonly peak: Peak;
  readonly overSeconds: number;
  /** By the agent's own count; absent of the router. */
  readonly counted?: { readonly wakes: number; readonly unloads: Readonly<Record<string, number>> };
}

export interface TraceFigures {
  readonly sides: readonly SideFigures[];
  /** What all models together may hold, in bytes: three and a half of them. */
  readonly limitBytes: number;
  readonly modelBytes: number;
}

const MODELS = 6;
const FIT = 3;
/** Of one model, so that three fit and four do not. */
const FIT_SHARE = 3.5;
const TOKENS = 4;
const SERVED = { slots: 1, contextSize: 2048, budget: "512Mi" };
const SAMPLE_MS = 100;
const TIMEOUT_MS = 180_000;
const NAMES = Array.from({ length: MODELS }, (_, index) => `model-${index}`);

/** The same requests at the same times for the gateway and for llama.cpp's router. */
export async function trace(wanted: TraceWanted, say: (line: string) => void): Promise<TraceFigures> {
  const plan = planTrace({ ...wanted, models: MODELS });
  const { modelBytes, command, weights } = await learned();
  const limitBytes = Math.round((modelBytes * FIT_SHARE) / 1024) * 1024;
  const gateway = await throughGateway(plan, limitBytes, say);
  const router = await throughRouter(plan, command, weights, say);
  return { sides: [gateway, router], limitBytes, modelBytes };
}

/** What one model needs, as the agent charges it, and the command line that it gets. */
async function learned() {
  const agent = await startGatewayAgent({ models: [{ name: NAMES[0] ?? "", ...SERVED }], server: "real", flags: [] });
  try {
    await wake(agent, NAMES[0] ?? "");
    const {
      pid = 0,
      estimateBytes = 0,
      projectedBytes = 0,
    } = await agent.once(
      NAMES[0] ?? "",
      ({ state, pid: one, estimateBytes: bytes }) => state === "Ready" && one !== undefined && bytes !== undefined,
    );
    const command = commandLine(pid);
    return { modelBytes: Math.max(estimateBytes, projectedBytes), command, weights: agent.site.weights };
  } finally {
    await agent.stop();
  }
}

async function throughGateway(plan: readonly Planned[], limitBytes: number, say: (line: string) => void) {
  const memory = ["--host-memory", `${limitBytes / 1024}Ki`, "--memory-fraction", "1"];
  const models = NAMES.map((name) => ({ name, ...SERVED }));
  const agent = await startGatewayAgent({ models, server: "real", flags: [...memory, "--idle-unload", "10m"] });
  try {
    await wake(agent, NAMES[0] ?? "");
    const figures = await play({ who: "gateway", pid: agent.pid, port: agent.port }, plan, say);
    const status = await agent.status();
    return { ...figures, ...(status === undefined ? {} : { counted: countedBy(status) }) };
  } finally {
    await agent.stop();
  }
}

function countedBy({ agent, workloads }: AgentStatus) {
  const wakes = workloads.reduce((sum, { wakes: one = 0 }) => sum + one, 0);
  return { wakes, unloads: tally((agent.unloads ?? []).map(({ reason }) => reason)) };
}

/** The router of the same binary, whose servers get the arguments that the agent gives its own. */
async function throughRouter(
  plan: readonly Planned[],
  command: readonly string[],
  weights: string,
  say: (line: string) => void,
) {
  const folder = join(await temporaryDirectory(), "models");
  await mkdir(folder);
  for (const name of NAMES) await symlink(weights, join(folder, `${name}.gguf`));
  const [file = "", ...args] = command;
  const port = await getPort();
  const own = ["--models-dir", folder, "--models-max", String(FIT), "--host", "127.0.0.1", "--port", String(port)];
  const router = await startBare(file, [...own, ...withoutModel(args)], port);
  const keep = eachItsOwn();
  try {
    const asked = { port, model: NAMES[0] ?? "", prompt: "The sky is", tokens: 2, agent: keep, timeoutMs: TIMEOUT_MS };
    await streamOnce(asked);
    return await play({ who: "router", pid: router.pid, port }, plan, say);
  } finally {
    keep.destroy();
    await router.stop();
  }
}

function withoutModel(args: readonly string[]): readonly string[] {
  const own = new Set(["--model", "--alias", "--host", "--port", "--api-key-file"]);
  return args.filter((arg, index) => !own.has(arg) && !own.has(args[index - 1] ?? ""));
}

interface Side {
  readonly who: SideFigures["who"];
  readonly pid: number;
  readonly port: number;
}

/** An open loop: each request goes at its time, whatever became of those before it. */
async function play({ who, pid, port }: Side, plan: readonly Planned[], say: (line: string) => void) {
  const agent = eachItsOwn();
  const sampling = sampleServers(pid, SAMPLE_MS);
  const began = performance.now();
  let answered = 0;
  const ask = async ({ atMs, model }: Planned, index: number): Promise<Answer> => {
    await sleep(Math.max(0, began + atMs - performance.now()));
    const asked = { port, model: NAMES[model] ?? "", prompt: `Story ${index}:`, tokens: TOKENS, agent };
    const answer = await streamOnce({ ...asked, timeoutMs: TIMEOUT_MS });
    answered += 1;
    if (answered % 100 === 0) say(`${who}: ${answered} of ${plan.length} requests have ended`);
    return answer;
  };
  const answers = await Promise.all(plan.map(ask));
  agent.destroy();
  return figuresOf(who, answers, sampling.end(), (performance.now() - began) / 1000);
}

function figuresOf(who: Side["who"], answers: readonly Answer[], peak: Peak, overSeconds: number): SideFigures {
  const whole = answers.filter(({ outcome }) => outcome === "done");
  const outcomes = tally(answers.map(({ outcome }) => outcome));
  const wait = quantiles(whole.map(({ firstMs }) => firstMs));
  return { who, requests: answers.length, lost: answers.length - whole.length, outcomes, wait, peak, overSeconds };
}

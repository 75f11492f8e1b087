import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { packagePath } from "../../agent/state/package.ts";
import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { ON_DEMAND_ANNOTATIONS } from "../../api/on-demand.ts";
import { newSite, type Site, writeManifests } from "../../test/agent/harness.ts";
import { temporaryDirectory } from "../../test/support/workspace.ts";
import { type Child, start } from "./children.ts";

/** A model behind the gateway; all are the same small real file. */
export interface Served {
  readonly name: string;
  readonly slots: number;
  /** Tokens of all slots together. */
  readonly contextSize: number;
  /** A quantity. */
  readonly budget: string;
  /** As its annotation says it; default: none. */
  readonly promptCache?: string;
}

export interface AgentWanted {
  readonly models: readonly Served[];
  /** `real`, or the pace of a stand-in: paced-server.ts. */
  readonly server: "real" | number | "flood";
  readonly flags: readonly string[];
}

/** An agent as it is shipped, with its gateway, in folders of its own. */
export interface GatewayAgent {
  readonly port: number;
  readonly pid: number;
  readonly site: Site;
  readonly status: () => Promise<AgentStatus | undefined>;
  /** The workload once it holds; fails with the agent's last words after two minutes. */
  readonly once: (name: string, holds: (workload: WorkloadStatus) => boolean) => Promise<WorkloadStatus>;
  readonly stop: () => Promise<void>;
}

/** A llama-server without an agent. */
export interface BareServer {
  readonly port: number;
  readonly pid: number;
  /** From its spawn until it said that it is healthy, in milliseconds. */
  readonly healthyMs: number;
  readonly stop: () => Promise<void>;
}

/**
 * The threads of a llama-server wait for each other by spinning. Where two servers with as many threads as there are cores work at once,
 * each becomes up to twenty times slower, and a bench would measure that: also of the client and the gateway, which want a core.
 */
const ONE_THREAD = ["--threads", "1"];

/** An agent drains and ends its servers first. */
const AGENT_PATIENCE_MS = 30_000;
const SERVER_PATIENCE_MS = 10_000;
const READY_MS = 120_000;
const POLL_MS = 5;

export async function startGatewayAgent({ models, server, flags }: AgentWanted): Promise<GatewayAgent> {
  const plain = await newSite();
  const site = server === "real" ? plain : { ...plain, llamaServer: await pacedServer(server) };
  for (const { name, slots, contextSize, budget, promptCache } of models) {
    const spec = { parallelSlots: slots, ...(server === "real" && { extraArgs: ONE_THREAD }) };
    const annotations = promptCache === undefined ? {} : { [ON_DEMAND_ANNOTATIONS.promptCache]: promptCache };
    await writeManifests(site, name, { port: await getPort(), budget, contextSize, spec, annotations });
  }
  const port = await getPort();
  const folders = ["--manifests", site.manifests, "--state", site.state, "--models", site.models];
  const options = ["--claims", site.claims, "--llama-server", site.llamaServer, "--listen", "off"];
  const args = [packagePath("bin/pulumi-llmkube.js"), "agent", ...folders, ...options];
  const command = [...args, "--gateway", `127.0.0.1:${port}`, ...flags];
  const child = start({ file: process.execPath, args: command, signal: "SIGINT", patienceMs: AGENT_PATIENCE_MS });
  const status = async () => {
    const read = await readStatus(site.state);
    return read.ok ? read.value : undefined;
  };
  const once: GatewayAgent["once"] = async (name, holds) => {
    const found = async () => (await status())?.workloads.find((one) => one.name === `default/${name}`);
    return until(child, `default/${name}`, async () => {
      const workload = await found();
      return workload !== undefined && holds(workload) ? workload : undefined;
    });
  };
  await until(child, "the gateway", () => answers(`http://127.0.0.1:${port}/v1/models`));
  return { port, pid: child.pid, site, status, once, stop: child.stop };
}

/**
 * A llama-server with the arguments of the agent's: equal but for its port, and for the key that its agent gave it.
 * @param commandOfTwin that of the agent's server
 */
export async function startTwin(commandOfTwin: readonly string[]): Promise<BareServer> {
  const [file = "", ...args] = commandOfTwin;
  const port = await getPort();
  return startBare(file, [...without(without(args, "--port"), "--api-key-file"), "--port", String(port)], port);
}

/** The floor: what passes requests on to the server at `port`. */
export async function startPlainProxy(port: number): Promise<BareServer> {
  const own = await getPort();
  return startBare(process.execPath, [join(import.meta.dirname, "plain-proxy.ts"), String(own), String(port)], own);
}

export async function startBare(file: string, args: readonly string[], port: number): Promise<BareServer> {
  const began = performance.now();
  const child = start({ file, args, signal: "SIGTERM", patienceMs: SERVER_PATIENCE_MS });
  await until(child, "a bare llama-server", () => answers(`http://127.0.0.1:${port}/health`));
  return { port, pid: child.pid, healthyMs: performance.now() - began, stop: child.stop };
}

function without(args: readonly string[], flag: string): readonly string[] {
  const at = args.indexOf(flag);
  return at === -1 ? args : args.toSpliced(at, 2);
}

async function answers(url: string): Promise<true | undefined> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.ok === true ? true : undefined;
}

/** Asks every 5 ms until there is an answer. */
async function until<Value>(child: Child, what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline && !child.hasEnded()) {
    const value = await ask();
    if (value !== undefined) return value;
    await sleep(POLL_MS);
  }
  const why = child.hasEnded() ? "its process has ended" : `not within ${READY_MS / 1000} s`;
  throw new Error(`${what} did not come to what this bench waits for: ${why}. It printed last:\n${child.output()}`);
}

/** Path of a stand-in for llama-server; its name is what isServer() looks for. */
async function pacedServer(pace: number | "flood"): Promise<string> {
  const path = join(await temporaryDirectory(), "paced-llama-server");
  const program = join(import.meta.dirname, "paced-server.ts");
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${program}" ${pace} "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

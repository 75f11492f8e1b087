import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { newSite, type Site, startAgent, stopped, writeManifests } from "../../test/agent/harness.ts";
import { median, timeUntil, timeUntilGone } from "./timing.ts";

const ROUNDS = 3;

export interface Latencies {
  /** From the manifest being written to the process being spawned, and to Ready. */
  readonly spawnedMs: number;
  readonly readyMs: number;
  /** The same once more, for a model whose manifest was taken away and came back: llama-server is not asked again. */
  readonly unchangedMs: number;
  /** llama-server alone, from its spawn to a healthy answer: no agent can be faster. */
  readonly floorMs: number;
  /** From the budget being lowered below the footprint to the decision to stop, and to the process being gone. */
  readonly decidedMs: number;
  readonly goneMs: number;
}

/** With the real llama-server and real weights. */
export async function latencies(): Promise<Latencies> {
  const site = await newSite();
  const agent = startAgent(site);
  const [spawned, ready, decided, gone, floor, unchanged]: number[][] = [[], [], [], [], [], []];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `chat-${round}`;
      const port = await getPort();
      floor?.push(await serverStartMs(site, port));
      await writeManifests(site, name, { port });
      const toSpawn = await timeUntil(site, name, ({ pid }) => pid !== undefined);
      spawned?.push(toSpawn);
      ready?.push(toSpawn + (await timeUntil(site, name, ({ state }) => state === "Ready")));
      await timeUntil(site, name, ({ measuredBytes = 0 }) => measuredBytes > 0);
      await writeManifests(site, name, { port, budget: "100Mi" });
      const toDecide = await timeUntil(site, name, ({ state }) => state === "Draining" || state === "BackOff");
      decided?.push(toDecide);
      gone?.push(toDecide + (await timeUntil(site, name, ({ pid }) => pid === undefined)));
      await rm(join(site.manifests, `${name}.yaml`));
      await timeUntilGone(site, name);
      await writeManifests(site, name, { port });
      unchanged?.push(await timeUntil(site, name, ({ state }) => state === "Ready"));
      await rm(join(site.manifests, `${name}.yaml`));
      await timeUntilGone(site, name);
    }
  } finally {
    await stopped(agent);
  }
  const [spawnedMs = 0, readyMs = 0, decidedMs = 0, goneMs = 0, floorMs = 0, unchangedMs = 0] = [
    ...[spawned, ready, decided],
    ...[gone, floor, unchanged],
  ].map((values) => median(values ?? []));
  return { spawnedMs, readyMs, unchangedMs, decidedMs, goneMs, floorMs };
}

async function serverStartMs({ llamaServer, weights }: Site, port: number): Promise<number> {
  const begin = performance.now();
  const args = ["--model", weights, "--port", String(port), "--ctx-size", "4096", "--parallel", "1"];
  const child = spawn(llamaServer, [...args, "--device", "none", "--fit", "off", "--load-mode", "none"], {
    stdio: "ignore",
  });
  try {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
      if (answer?.ok) return performance.now() - begin;
      await sleep(5);
    }
  } finally {
    child.kill("SIGKILL");
  }
}

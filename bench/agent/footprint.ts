import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { newSite, startAgent, statusOnce, stopped, writeManifests } from "../../test/agent/harness.ts";
import { standIn } from "../../test/agent/stand-in.ts";

const WATCHED_MS = 10_000;
/** Clock ticks a second of /proc/PID/stat, on every Linux that runs Node. */
const TICKS = 100;

export interface AgentCost {
  readonly models: number;
  readonly residentBytes: number;
  /** In percent of one core. */
  readonly cpuPercent: number;
}

/** What the agent itself costs while `models` are Ready: the real llama-server for one, stand-ins for more. */
export async function agentCost(models: number): Promise<AgentCost> {
  const real = await newSite();
  const site = models === 1 ? real : { ...real, llamaServer: await standIn("well") };
  const agent = startAgent(site);
  try {
    const names = Array.from({ length: models }, (_, index) => `chat-${index}`);
    for (const name of names) await writeManifests(site, name, { port: await getPort(), contextSize: 512 });
    await statusOnce(
      site,
      ({ workloads }) => workloads.filter(({ state }) => state === "Ready").length === models,
      300_000,
    );
    const pid = agent.child.pid ?? 0;
    const before = await cpuTicks(pid);
    await sleep(WATCHED_MS);
    const cpuPercent = ((await cpuTicks(pid)) - before) / TICKS / (WATCHED_MS / 1000) / 0.01;
    return { models, residentBytes: await residentBytes(pid), cpuPercent };
  } finally {
    await stopped(agent);
  }
}

async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

import getPort from "get-port";
import { packagePath } from "../../agent/state/package.ts";
import { newSite, type Site, startAgentWith, statusOnce, stopped, writeManifests } from "../../test/agent/harness.ts";
import { standIn } from "../../test/agent/stand-in.ts";
import { costOf, type ProcessCost, watchdogOf } from "./process-cost.ts";

export interface AgentCost {
  readonly models: number;
  readonly main: ProcessCost;
  /** Undefined where the agent has no watchdog process. */
  readonly watchdog: ProcessCost | undefined;
}

/** What the agent itself, as it is shipped, costs while `models` are Ready: the real llama-server for one, stand-ins for more. */
export async function agentCost(models: number): Promise<AgentCost> {
  const real = await newSite();
  const site = models <= 1 ? real : { ...real, llamaServer: await standIn("well") };
  const agent = startAgentWith(site, { program: packagePath("bin/pulumi-llmkube.js") });
  try {
    await statusOnce(site, () => true);
    await timeToReady(site, models);
    const pid = agent.child.pid ?? 0;
    const watchdog = await watchdogOf(pid);
    const [main, other] = await Promise.all([
      costOf(pid),
      watchdog === undefined ? Promise.resolve(undefined) : costOf(watchdog),
    ]);
    return { models, main, watchdog: other };
  } finally {
    await stopped(agent);
  }
}

/** From `models` manifests being written, all at once, to all of them being Ready; with stand-ins, in milliseconds. */
export async function manyReadyMs(models: number): Promise<number> {
  const site = { ...(await newSite()), llamaServer: await standIn("well") };
  const agent = startAgentWith(site, { program: packagePath("bin/pulumi-llmkube.js") });
  try {
    await statusOnce(site, () => true);
    return await timeToReady(site, models);
  } finally {
    await stopped(agent);
  }
}

async function timeToReady(site: Site, models: number): Promise<number> {
  const ports = await Promise.all(Array.from({ length: models }, () => getPort()));
  const began = performance.now();
  for (const [index, port] of ports.entries()) await writeManifests(site, `chat-${index}`, { port, contextSize: 512 });
  const ready = ({ state }: { readonly state: string }) => state === "Ready";
  await statusOnce(site, ({ workloads }) => workloads.filter(ready).length === models, 300_000);
  return performance.now() - began;
}

import { readFile } from "node:fs/promises";
import { commandLine } from "./processes.ts";
import { type AgentWanted, type GatewayAgent, type Served, startGatewayAgent, startPlainProxy } from "./scene.ts";
import { type Answer, eachItsOwn, streamOnce } from "./stream-request.ts";

/** Where something listens on this machine. */
export interface Port {
  readonly port: number;
}

/** The one model of an agent, called `chat`. */
export interface ChatWanted extends Omit<Served, "name"> {
  readonly server: AgentWanted["server"];
  /** Of the agent; default: none. */
  readonly flags?: readonly string[];
}

/** An agent whose one model, `chat`, is loaded. */
export async function startChat({ server, flags = [], ...served }: ChatWanted): Promise<GatewayAgent> {
  const agent = await startGatewayAgent({ models: [{ name: "chat", ...served }], server, flags });
  try {
    await wake(agent, "chat");
    return agent;
  } catch (error) {
    await agent.stop();
    throw error;
  }
}

/** What `measure` makes of such an agent, which ends with it. */
export async function withChat<Made>(
  wanted: ChatWanted,
  measure: (agent: GatewayAgent) => Promise<Made>,
): Promise<Made> {
  const agent = await startChat(wanted);
  try {
    return await measure(agent);
  } finally {
    await agent.stop();
  }
}

/** A way to the server of `chat`. */
export interface Way extends Port {
  readonly apiKey?: string;
}

/** The same server by itself, behind a plain proxy, and behind the gateway. */
export interface Ways {
  readonly bare: Way;
  readonly proxy: Way;
  readonly gateway: Way;
}

/**
 * The same for all ways to one server: a second server with equal arguments is up to 7 % faster or slower on the machines that this was
 * written on.
 */
export async function byAllWays<Made>(wanted: ChatWanted, measure: (ways: Ways) => Promise<Made>): Promise<Made> {
  return withChat(wanted, async (gateway) => {
    const bare = await directWay(await pidOfChat(gateway));
    const proxy = await startPlainProxy(bare.port);
    try {
      return await measure({ bare, proxy: { ...bare, ...proxy }, gateway });
    } finally {
      await proxy.stop();
    }
  });
}

/** The way round the gateway, which needs the agent's own key. */
export async function directWay(pid: number): Promise<Way> {
  const args = commandLine(pid);
  const after = (flag: string) => args[args.indexOf(flag) + 1] ?? "";
  const keys = await readFile(after("--api-key-file"), "utf8");
  return { port: Number(after("--port")), apiKey: keys.trim() };
}

/** Of the server of `chat`. */
export async function pidOfChat(agent: GatewayAgent): Promise<number> {
  const { pid = 0 } = await agent.once("chat", ({ state, pid: one }) => state === "Ready" && one !== undefined);
  return pid;
}

/** A first request, which makes the model load; fails where it is not answered. */
export async function wake({ port }: Port, model: string): Promise<Answer> {
  const agent = eachItsOwn();
  const answer = await streamOnce({ port, model, prompt: "The sky is", tokens: 2, agent, timeoutMs: 120_000 });
  agent.destroy();
  if (answer.outcome !== "done") throw new Error(`the gateway did not answer for ${model}: ${answer.outcome}`);
  return answer;
}

/** Pairs of both sides, each side first in every other round. */
export async function inTurns(rounds: number, measure: (side: 0 | 1) => Promise<number>): Promise<[number, number][]> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) pairs.push([await measure(0), await measure(1)]);
    else pairs.push([await measure(1), await measure(0)].reverse() as [number, number]);
  }
  return pairs;
}

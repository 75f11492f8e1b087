import { commandLine } from "./processes.ts";
import {
  type AgentWanted,
  type BareServer,
  type GatewayAgent,
  type Served,
  startGatewayAgent,
  startTwin,
} from "./scene.ts";
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

/** The same beside a bare server with the arguments of the agent's. */
export async function besideTwin<Made>(
  wanted: ChatWanted,
  measure: (agent: GatewayAgent, twin: BareServer) => Promise<Made>,
): Promise<Made> {
  return withChat(wanted, async (agent) => {
    const twin = await startTwin(commandLine(await pidOfChat(agent)));
    try {
      return await measure(agent, twin);
    } finally {
      await twin.stop();
    }
  });
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

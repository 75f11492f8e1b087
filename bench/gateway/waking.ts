import { median } from "../preview/table.ts";
import { commandLine } from "./processes.ts";
import { startTwin } from "./scene.ts";
import { wake, withChat } from "./sides.ts";
import { eachItsOwn, streamOnce } from "./stream-request.ts";

export interface WakingFigures {
  readonly rounds: number;
  /** From a request for a sleeping model to its first token, the median, in milliseconds. */
  readonly wakeMs: number;
  /** From the spawn of a llama-server with the same arguments to the first token of a request that is sent when it is healthy. */
  readonly byHandMs: number;
}

/** The shortest that a service may say. */
const IDLE_UNLOAD = "1s";

/** The small real model, in turns woken by a request and started by hand. */
export async function waking(rounds: number): Promise<WakingFigures> {
  const [wakes, byHand]: [number[], number[]] = [[], []];
  const flags = ["--idle-unload", IDLE_UNLOAD];
  await withChat({ slots: 1, contextSize: 4096, budget: "512Mi", server: "real", flags }, async (agent) => {
    const { pid = 0 } = await agent.once("chat", ({ pid: one }) => one !== undefined);
    const args = commandLine(pid);
    for (let round = 0; round < rounds; round += 1) {
      await agent.once("chat", ({ state, pid: one }) => state === "Sleeping" && one === undefined);
      byHand.push(await startedByHand(args));
      wakes.push((await wake(agent, "chat")).firstMs);
    }
  });
  return { rounds, wakeMs: median(wakes), byHandMs: median(byHand) };
}

async function startedByHand(commandLineOfTwin: readonly string[]): Promise<number> {
  const began = performance.now();
  const twin = await startTwin(commandLineOfTwin);
  const agent = eachItsOwn();
  try {
    const sentMs = performance.now() - began;
    const asked = { port: twin.port, model: "chat", prompt: "The sky is", tokens: 2, agent, timeoutMs: 60_000 };
    const answer = await streamOnce(asked);
    if (answer.outcome !== "done") throw new Error(`the server by hand did not answer: ${answer.outcome}`);
    return sentMs + answer.firstMs;
  } finally {
    agent.destroy();
    await twin.stop();
  }
}

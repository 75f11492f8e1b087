import { median } from "../preview/table.ts";
import { wake } from "./delay.ts";
import { commandLine } from "./processes.ts";
import { startGatewayAgent, startTwin } from "./scene.ts";
import { eachItsOwn, streamOnce } from "./stream-request.ts";

export interface ThroughputFigures {
  readonly server: "real" | "paced";
  readonly streams: number;
  /** Tokens a second of all streams together, the median of the rounds. */
  readonly bare: number;
  readonly gateway: number;
  /** Of each pair of rounds, gateway / bare: its median says more than that of the medians, where the machine has other work. */
  readonly ratio: number;
}

export interface ThroughputWanted {
  readonly streams: readonly number[];
  /** Of all streams of a round together, about. */
  readonly tokens: { readonly real: number; readonly paced: number };
  /** A stream gets no more, so that a single one does not take longest. */
  readonly mostEach: number;
  readonly rounds: number;
}

/** With 64 streams these are 3,200 tokens a second, which a stand-in of one thread can keep. */
const PACE_MS = 20;
const CONTEXT_OF_SLOT = 256;
const TIMEOUT_MS = 120_000;

/** With as many slots as the most streams, in turns to the bare server and through the gateway. */
export async function throughput(
  server: "real" | "paced",
  { streams, tokens, mostEach, rounds }: ThroughputWanted,
): Promise<readonly ThroughputFigures[]> {
  const slots = Math.max(...streams);
  const models = [{ name: "chat", slots, contextSize: slots * CONTEXT_OF_SLOT, budget: "3Gi" }];
  const agent = await startGatewayAgent({ models, server: server === "real" ? "real" : PACE_MS, flags: [] });
  try {
    await wake(agent, "chat");
    const { pid = 0 } = await agent.once("chat", ({ state, pid: one }) => state === "Ready" && one !== undefined);
    const twin = await startTwin(commandLine(pid));
    try {
      const figures: ThroughputFigures[] = [];
      for (const many of streams) {
        const each = Math.max(8, Math.min(mostEach, Math.round(tokens[server] / many)));
        const pairs = await inTurns(rounds, (side) => tokensASecond(side === 0 ? twin.port : agent.port, many, each));
        const [bare, gateway] = [median(pairs.map(([one]) => one)), median(pairs.map(([, other]) => other))];
        const ratio = median(pairs.map(([one, other]) => other / one));
        figures.push({ server, streams: many, bare, gateway, ratio });
      }
      return figures;
    } finally {
      await twin.stop();
    }
  } finally {
    await agent.stop();
  }
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

/** Of `streams` requests at once, from the first byte sent to the last answer's end. */
export async function tokensASecond(port: number, streams: number, tokens: number): Promise<number> {
  const agent = eachItsOwn();
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streams }, (_, index) =>
      streamOnce({ port, model: "chat", prompt: `Story ${index}:`, tokens, agent, timeoutMs: TIMEOUT_MS }),
    ),
  );
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  const failed = answers.find(({ outcome }) => outcome !== "done");
  if (failed !== undefined) throw new Error(`one of ${streams} streams at port ${port} ended: ${failed.outcome}`);
  return (streams * tokens) / seconds;
}

import { median } from "../preview/table.ts";
import { byAllWays, inTurns, type Way } from "./sides.ts";
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

/** With as many slots as the most streams, in turns straight to the server and through the gateway. */
export async function throughput(
  server: "real" | "paced",
  { streams, tokens, mostEach, rounds }: ThroughputWanted,
): Promise<readonly ThroughputFigures[]> {
  const slots = Math.max(...streams);
  const contextSize = slots * CONTEXT_OF_SLOT;
  const chat = { slots, contextSize, budget: "3Gi", server: server === "real" ? server : PACE_MS } as const;
  return byAllWays(chat, async ({ bare: direct, gateway: through }) => {
    const figures: ThroughputFigures[] = [];
    for (const many of streams) {
      const each = Math.max(8, Math.min(mostEach, Math.round(tokens[server] / many)));
      const pairs = await inTurns(rounds, (side) => tokensASecond(side === 0 ? direct : through, many, each));
      const [bare, gateway] = [median(pairs.map(([one]) => one)), median(pairs.map(([, other]) => other))];
      const ratio = median(pairs.map(([one, other]) => other / one));
      figures.push({ server, streams: many, bare, gateway, ratio });
    }
    return figures;
  });
}

/** Of `streams` requests at once, from the first byte sent to the last answer's end. */
export async function tokensASecond({ port, apiKey }: Way, streams: number, tokens: number): Promise<number> {
  const agent = eachItsOwn();
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: streams }, (_, index) =>
      streamOnce({ port, apiKey, model: "chat", prompt: `Story ${index}:`, tokens, agent, timeoutMs: TIMEOUT_MS }),
    ),
  );
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  const failed = answers.find(({ outcome }) => outcome !== "done");
  if (failed !== undefined) throw new Error(`one of ${streams} streams at port ${port} ended: ${failed.outcome}`);
  return (streams * tokens) / seconds;
}

import { type Quantiles, quantiles } from "./figures.ts";
import { byAllWays, type Ways } from "./sides.ts";
import { type Answer, eachItsOwn, keepAlive, streamOnce } from "./stream-request.ts";

/** All ways to one server, in milliseconds. */
export type Beside = Readonly<Record<keyof Ways, Quantiles>>;

export interface DelayFigures {
  readonly server: "real" | "paced";
  /** From a request to the first token. */
  readonly first: Beside;
  /** A token: with the stand-in, from its being written to its arrival; with the real server, the distance of two tokens. */
  readonly token: Beside;
}

export interface DelayWanted {
  readonly requests: number;
  readonly tokens: number;
}

/** Before anything is counted: connections are made, code is compiled. */
const WARM_UP = 10;
const PACE_MS = 5;
const TIMEOUT_MS = 60_000;

/** One request at a time, by each way in turn. */
export async function delays(server: "real" | "paced", wanted: DelayWanted): Promise<DelayFigures> {
  const chat = { slots: 1, contextSize: 4096, budget: "512Mi", server: server === "real" ? server : PACE_MS } as const;
  return byAllWays(chat, async (ways) => ({ server, ...(await inTurn(ways, { ...wanted, server })) }));
}

const SIDES = ["bare", "proxy", "gateway"] as const;

async function inTurn(ways: Ways, { server, requests, tokens }: DelayWanted & Pick<DelayFigures, "server">) {
  const agent = server === "real" ? eachItsOwn() : keepAlive();
  const ask = async (side: keyof Ways) => {
    const asked = { model: "chat", prompt: "Once upon a time", tokens, agent, timeoutMs: TIMEOUT_MS };
    const answer = await streamOnce({ ...asked, ...ways[side] });
    if (answer.outcome !== "done") throw new Error(`no whole answer (${server} server, ${side}): ${answer.outcome}`);
    return answer;
  };
  const seen: Record<keyof Ways, Answer[]> = { bare: [], proxy: [], gateway: [] };
  for (let turn = 0; turn < WARM_UP + requests; turn += 1) {
    for (const index of SIDES.keys()) {
      // Each is first as often as the others.
      const side = SIDES[(turn + index) % SIDES.length] ?? "bare";
      const answer = await ask(side);
      if (turn >= WARM_UP) seen[side].push(answer);
    }
  }
  agent.destroy();
  const beside = (of: (answer: Answer) => readonly number[]): Beside => ({
    bare: quantiles(seen.bare.flatMap(of)),
    proxy: quantiles(seen.proxy.flatMap(of)),
    gateway: quantiles(seen.gateway.flatMap(of)),
  });
  return { first: beside(({ firstMs }) => [firstMs]), token: beside(tokenTimes) };
}

function tokenTimes({ transitMs, atMs }: Answer): readonly number[] {
  if (transitMs.length > 0) return transitMs;
  return atMs.slice(1).map((at, index) => at - (atMs[index] ?? at));
}

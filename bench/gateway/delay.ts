import { type Quantiles, quantiles } from "./figures.ts";
import { besideTwin, type Port } from "./sides.ts";
import { type Answer, eachItsOwn, keepAlive, streamOnce } from "./stream-request.ts";

/** Both sides, in milliseconds. */
export interface Beside {
  readonly bare: Quantiles;
  readonly gateway: Quantiles;
}

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

/** One request at a time, in turns to the bare server and through the gateway. */
export async function delays(server: "real" | "paced", wanted: DelayWanted): Promise<DelayFigures> {
  const chat = { slots: 1, contextSize: 4096, budget: "512Mi", server: server === "real" ? server : PACE_MS } as const;
  return besideTwin(chat, async (agent, twin) => ({
    server,
    ...(await alternate(agent, twin, { ...wanted, server })),
  }));
}

export async function alternate(
  gateway: Port,
  bare: Port,
  { server, requests, tokens }: DelayWanted & Pick<DelayFigures, "server">,
) {
  const agent = server === "real" ? eachItsOwn() : keepAlive();
  const ask = async (side: "bare" | "gateway") => {
    const { port } = side === "bare" ? bare : gateway;
    const answer = await streamOnce({
      ...{ port, model: "chat", prompt: "Once upon a time", tokens, agent },
      timeoutMs: TIMEOUT_MS,
    });
    if (answer.outcome !== "done") throw new Error(`no whole answer (${server} server, ${side}): ${answer.outcome}`);
    return answer;
  };
  const seen = { bare: [] as Answer[], gateway: [] as Answer[] };
  for (let turn = 0; turn < WARM_UP + requests; turn += 1) {
    const sides = turn % 2 === 0 ? (["bare", "gateway"] as const) : (["gateway", "bare"] as const);
    for (const side of sides) {
      const answer = await ask(side);
      if (turn >= WARM_UP) seen[side].push(answer);
    }
  }
  agent.destroy();
  const beside = (of: (answer: Answer) => readonly number[]) => ({
    bare: quantiles(seen.bare.flatMap(of)),
    gateway: quantiles(seen.gateway.flatMap(of)),
  });
  return { first: beside(({ firstMs }) => [firstMs]), token: beside(tokenTimes) };
}

function tokenTimes({ transitMs, atMs }: Answer): readonly number[] {
  if (transitMs.length > 0) return transitMs;
  return atMs.slice(1).map((at, index) => at - (atMs[index] ?? at));
}

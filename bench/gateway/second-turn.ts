import { median } from "../preview/table.ts";
import { conversation, say } from "./conversations.ts";
import type { GatewayAgent } from "./scene.ts";
import { type ChatWanted, startChat } from "./sides.ts";
import type { Answer } from "./stream-request.ts";

export interface SecondTurnFigures {
  readonly rounds: number;
  /** Tokens of the second turn's prompt. */
  readonly tokens: number;
  /** The first is what the others are compared with. */
  readonly ways: readonly WayFigures[];
}

export interface WayFigures {
  readonly way: string;
  /** From the second turn to its first token, in milliseconds, the median of the rounds. */
  readonly firstMs: number;
  /** Tokens that were not read anew, the median of the rounds. */
  readonly cachedTokens: number;
}

/** How a conversation is kept between two turns. */
interface Way {
  readonly way: string;
  readonly chat: Partial<ChatWanted>;
  /** What happens between the two turns. */
  readonly meanwhile: (agent: GatewayAgent, round: number) => Promise<unknown>;
}

const CHAT: ChatWanted = { slots: 1, contextSize: 4096, budget: "2Gi", server: "real" };
/** Of some 3,000 tokens. */
const WORDS = 2950;
const FIRST_OF_OTHERS = 1000;

/** Somebody else's conversation takes the only slot. */
const interrupted: Way["meanwhile"] = (agent, round) => say(agent, conversation(FIRST_OF_OTHERS + round, WORDS));

const WAYS: readonly Way[] = [
  { way: "without a prompt cache", chat: {}, meanwhile: interrupted },
  { way: "with a prompt cache", chat: { promptCache: "512Mi" }, meanwhile: interrupted },
];

/** The second turn of a conversation, each way once in every round, another one first each time. */
export async function secondTurns(rounds: number): Promise<SecondTurnFigures> {
  const sides: { readonly way: Way; readonly agent: GatewayAgent; readonly answers: Answer[] }[] = [];
  try {
    for (const way of WAYS) sides.push({ way, agent: await startChat({ ...CHAT, ...way.chat }), answers: [] });
    for (let round = 0; round < rounds; round += 1) {
      const first = round % sides.length;
      for (const { way, agent, answers } of [...sides.slice(first), ...sides.slice(0, first)]) {
        answers.push(await secondTurn(agent, way, round));
      }
    }
  } finally {
    await Promise.all(sides.map(({ agent }) => agent.stop()));
  }
  const ways = sides.map(({ way: { way }, answers }) => ({
    way,
    firstMs: median(answers.map(({ firstMs }) => firstMs)),
    cachedTokens: median(answers.map(({ cachedTokens }) => cachedTokens)),
  }));
  return { rounds, tokens: Math.max(...sides.flatMap(({ answers }) => answers.map(tokensOf))), ways };
}

async function secondTurn(agent: GatewayAgent, { meanwhile }: Way, round: number): Promise<Answer> {
  const first = conversation(round, WORDS);
  await say(agent, first);
  await meanwhile(agent, round);
  return say(agent, `${first} and then`);
}

function tokensOf({ cachedTokens, readTokens }: Answer): number {
  return cachedTokens + readTokens;
}

import type { Way } from "./sides.ts";
import { type Answer, eachItsOwn, streamOnce } from "./stream-request.ts";
import { randomOf } from "./trace-plan.ts";

const WORDS = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school"];
/** Spreads seeds that follow each other, so that two conversations differ from their first words on. */
const SPREAD = 2_654_435_761;
const TIMEOUT_MS = 300_000;

/** A prompt of so many words, of about a token each; the same for the same seed. */
export function conversation(seed: number, words: number): string {
  const random = randomOf((seed * SPREAD) % 2 ** 32);
  return Array.from({ length: words }, () => WORDS[Math.floor(random() * WORDS.length)]).join(" ");
}

/** The answer of `chat` to it; fails where there is no whole one. */
export async function say({ port, apiKey }: Way, prompt: string): Promise<Answer> {
  const agent = eachItsOwn();
  const answer = await streamOnce({ port, model: "chat", prompt, tokens: 2, agent, timeoutMs: TIMEOUT_MS, apiKey });
  agent.destroy();
  if (answer.outcome !== "done") throw new Error(`no whole answer at port ${port}: ${answer.outcome}`);
  return answer;
}

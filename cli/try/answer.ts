import type { Said } from "./events.ts";

/** An answer so far. Times are milliseconds since the question. */
export interface Answer {
  readonly text: string;
  readonly tokens: number | undefined;
  readonly perSecond: number | undefined;
  /** Until the first word, also of a thought. */
  readonly firstMs: number | undefined;
  readonly thought: boolean;
  /** Why it ended: `stop`, `length` and others; undefined: it has not. */
  readonly finish: string | undefined;
  readonly error: string | undefined;
}

export const NO_ANSWER: Answer = {
  ...{ text: "", tokens: undefined, perSecond: undefined, firstMs: undefined },
  ...{ thought: false, finish: undefined, error: undefined },
};

/** @param atMs milliseconds since the question */
export function withSaid(answer: Answer, said: Said, atMs: number): Answer {
  const firstMs = answer.firstMs ?? atMs;
  switch (said.kind) {
    case "text":
      return { ...answer, firstMs, text: answer.text + said.text };
    case "thought":
      return { ...answer, firstMs, thought: true };
    case "finish":
      return { ...answer, finish: said.reason };
    case "numbers":
      return { ...answer, tokens: said.tokens ?? answer.tokens, perSecond: said.perSecond ?? answer.perSecond };
    case "error":
      return { ...answer, error: answer.error ?? said.message };
    case "done":
      return { ...answer, finish: answer.finish ?? "stop" };
  }
}

/** What is wrong with an answer whose stream has ended, as a sentence; undefined: nothing. */
export function faultOf({ text, thought, finish, error }: Answer, maxTokens: number): string | undefined {
  if (error !== undefined) return error;
  if (finish === undefined) return "the answer broke off: its stream ended before the answer did";
  if (text !== "") return undefined;
  if (thought && finish === "length") {
    return `it was still thinking when its ${maxTokens} tokens were used up: give it more with --max-tokens`;
  }
  return "it answered with nothing";
}

/** `12 tokens, 34 tokens/s, first token after 0.8 s`, as far as it is known. */
export function numbersOf({ tokens, perSecond, firstMs, finish }: Answer, maxTokens: number): string {
  const parts = [
    ...(tokens === undefined ? [] : [`${tokens} ${tokens === 1 ? "token" : "tokens"}`]),
    ...(perSecond === undefined ? [] : [`${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)} tokens/s`]),
    ...(firstMs === undefined ? [] : [`first token after ${(firstMs / 1000).toFixed(1)} s`]),
  ];
  const cut = finish === "length" ? `; cut at --max-tokens ${maxTokens}, or where its context ends` : "";
  return `${parts.join(", ")}${cut}`;
}

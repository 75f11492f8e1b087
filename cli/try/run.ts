import { plainJson, plainText } from "../../api/plain-text.ts";
import { untilInterrupted } from "../interrupt.ts";
import { type Answer, faultOf, NO_ANSWER, numbersOf, withSaid } from "./answer.ts";
import { ask, type Question, type Refused } from "./ask.ts";
import type { TryFlags } from "./flags.ts";
import { readKey, readPrompt } from "./input.ts";
import { modeOf } from "./mode.ts";
import { findTarget, type Target } from "./target.ts";
import { type Waiting, waitingOn } from "./waiting.ts";

const EXIT_NO_ANSWER = 1;
const EXIT_INTERRUPTED = 130;
const [WRONG_FROM, WRONG_BELOW] = [400, 500];
/** A full queue, or a key that has used up its tokens: asked again later, it is answered. */
const TOO_MANY = 429;
const UNAUTHORISED = 401;

/** Asks, and prints the answer; sets the exit code. Throws one sentence for wrong input. */
export async function run(model: string, typed: string, flags: TryFlags): Promise<void> {
  const prompt = await readPrompt(typed, process.stdin);
  if (!prompt.ok) throw new Error(prompt.error);
  const key = await readKey(flags.keyFile, process.env);
  if (!key.ok) throw new Error(key.error);
  const target = await findTarget(model, flags);
  if (!target.ok && target.kind === "unreachable") return noAnswer(flags, { error: target.error });
  if (!target.ok) throw new Error(target.error);
  const { system, maxTokens, complete = false } = flags;
  const question: Question = { model, prompt: prompt.value, system, maxTokens, complete };
  let interrupted = false;
  await untilInterrupted(async (stop) => {
    const onSignal = () => {
      interrupted = true;
    };
    process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
    try {
      await converse(question, target.value, key.value, flags, stop);
    } finally {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    }
  });
  if (interrupted) process.exitCode = EXIT_INTERRUPTED;
}

/** One question, and where a chat is not possible the same as a text. */
async function converse(
  question: Question,
  target: Target,
  key: string | undefined,
  flags: TryFlags,
  stop: AbortSignal,
): Promise<void> {
  const mode = await modeOf(question.model, target, key, stop);
  if (mode !== undefined && mode !== "chat") throw new Error(unaskable(question.model, mode));
  const refused = await answered(question, target, key, flags, stop);
  if (refused === undefined) return;
  if (!question.complete && flags.system === undefined && lacksChat(refused)) {
    console.error(`${question.model} cannot chat, so it goes on with the prompt as a text`);
    const again = await answered({ ...question, complete: true }, target, key, flags, stop);
    if (again !== undefined) refuse(again, key, flags);
    return;
  }
  refuse(refused, key, flags);
}

/** Prints an answer. @returns the refusal where there is none */
async function answered(
  question: Question,
  target: Target,
  key: string | undefined,
  flags: TryFlags,
  stop: AbortSignal,
): Promise<Refused | undefined> {
  const waiting = waitingOn(process.stderr);
  const startedAt = performance.now();
  let answer: Answer = NO_ANSWER;
  const listener = {
    onWaiting: waiting.on,
    onSaid: (said: Parameters<typeof withSaid>[1]) => {
      answer = withSaid(answer, said, performance.now() - startedAt);
      if (said.kind === "thought") waiting.on(`${question.model} thinks`);
      if (said.kind !== "text") return;
      waiting.off();
      if (!flags.json) process.stdout.write(plainText(said.text));
    },
  };
  try {
    const outcome = await ask(question, target, key, listener, stop);
    if (outcome.ok && outcome.value !== undefined) return outcome.value;
    const broken = outcome.ok ? answer : { ...answer, error: answer.error ?? outcome.error };
    finish(broken, question, flags, waiting);
  } finally {
    waiting.off();
    if (stop.aborted && answer.text !== "" && !flags.json) process.stdout.write("\n");
  }
  return undefined;
}

/** The end of an answer: its numbers, or what is wrong with it. */
function finish(answer: Answer, { model, maxTokens }: Question, flags: TryFlags, waiting: Waiting): void {
  waiting.off();
  const fault = faultOf(answer, maxTokens);
  if (answer.text !== "" && !flags.json) process.stdout.write("\n");
  if (fault !== undefined) {
    const part = answer.text === "" ? {} : { text: answer.text };
    noAnswer(flags, { error: `${model}: ${fault}`, ...part });
  } else if (flags.json) {
    const { text, tokens, perSecond, firstMs, finish: finishReason } = answer;
    const first = firstMs === undefined ? undefined : Math.round(firstMs);
    console.log(plainJson({ model, text, finishReason, tokens, tokensPerSecond: perSecond, firstTokenMs: first }));
  } else {
    console.error(numbersOf(answer, maxTokens));
  }
}

function refuse({ status, message, retryAfterSeconds }: Refused, key: string | undefined, flags: TryFlags) {
  const hint = status === UNAUTHORISED && key === undefined ? "; give it with --key-file or PULUMI_LLMKUBE_KEY" : "";
  const later = retryAfterSeconds === undefined ? "" : `; try again in ${retryAfterSeconds} s`;
  const error = `${message}${hint}${later}`;
  const wrong = status >= WRONG_FROM && status < WRONG_BELOW && status !== TOO_MANY;
  if (wrong && !flags.json) throw new Error(error);
  noAnswer(flags, { error, status, ...(retryAfterSeconds && { retryAfterMs: retryAfterSeconds * 1000 }) });
  if (wrong) process.exitCode = 2;
}

interface Fault {
  readonly error: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** What came before it broke off. */
  readonly text?: string;
}

function noAnswer(flags: TryFlags, fault: Fault): void {
  if (flags.json) console.log(plainJson(fault));
  else console.error(`pulumi-llmkube: ${fault.error}`);
  process.exitCode = EXIT_NO_ANSWER;
}

/** A model without a chat template, in the words of servers. */
function lacksChat({ status, message }: Refused): boolean {
  return (
    status !== UNAUTHORISED && /chat[ _-]?template|does not support chat/i.test(message) && !/embedding/i.test(message)
  );
}

/** Why a model that is for something else is not asked. */
function unaskable(model: string, mode: string): string {
  const path = mode === "rerank" ? "/v1/rerank" : "/v1/embeddings";
  return `${model} writes no answers, as it is served in the mode ${mode}: ask ${path} of it`;
}

import { createParser } from "eventsource-parser";
import { Agent, type Dispatcher, request } from "undici";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { errorOf, type Said, saidIn } from "./events.ts";
import type { Target } from "./target.ts";

export interface Question {
  readonly model: string;
  readonly prompt: string;
  readonly system: string | undefined;
  readonly maxTokens: number;
  /** Complete the prompt as a text, instead of a chat. */
  readonly complete: boolean;
}

export interface Listener {
  readonly onSaid: (said: Said) => void;
  /** What the gateway says while the model loads. */
  readonly onWaiting: (what: string) => void;
}

/** An answer with another status than 200. */
export interface Refused {
  readonly status: number;
  readonly message: string;
  readonly retryAfterSeconds: number | undefined;
}

/** Loading and reading a long prompt may be silent for so long. */
const SILENCE_MS = 30 * 60_000;
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_EVENT_CHARACTERS = 4 * 2 ** 20;

/**
 * Asks, and tells the listener what comes.
 *
 * @returns undefined after a stream, however it ended; else the refusal. Fails where nobody answers, or in the middle of an answer; throws only for an abort.
 */
export async function ask(
  question: Question,
  { origin }: Target,
  key: string | undefined,
  listener: Listener,
  signal: AbortSignal,
): Promise<Result<Refused | undefined>> {
  const dispatcher = new Agent({ headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS });
  const path = question.complete ? "/v1/completions" : "/v1/chat/completions";
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  try {
    const response = await request(`${origin}${path}`, {
      ...{ method: "POST", dispatcher, signal, body: JSON.stringify(bodyOf(question)) },
      headers: { "content-type": "application/json", accept: "text/event-stream", ...authorization },
    });
    if (response.statusCode !== 200) return ok(await refusedBy(response));
    await listen(response.body, listener);
    return ok(undefined);
  } catch (error) {
    signal.throwIfAborted();
    const refused = errorText(error) === "ECONNREFUSED";
    const why = refused ? "nothing listens there" : `the connection failed (${errorText(error)})`;
    return fail(`no answer from ${origin}: ${why}`, "unreachable");
  } finally {
    await dispatcher.destroy();
  }
}

function bodyOf({ model, prompt, system, maxTokens, complete }: Question): object {
  const common = { model, max_tokens: maxTokens, stream: true, stream_options: { include_usage: true } };
  if (complete) return { ...common, prompt };
  const instruction = system === undefined ? [] : [{ role: "system", content: system }];
  return { ...common, messages: [...instruction, { role: "user", content: prompt }] };
}

async function listen(body: Dispatcher.ResponseData["body"], { onSaid, onWaiting }: Listener): Promise<void> {
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onComment: (comment) => {
      const what = comment.trim();
      if (what !== "") onWaiting(what);
    },
    onEvent: ({ data }) => {
      const said = saidIn(data) ?? [{ kind: "error", message: "what came is no event of OpenAI's API" }];
      for (const one of said) onSaid(one);
    },
  });
  const decoder = new TextDecoder();
  for await (const piece of body) parser.feed(decoder.decode(piece, { stream: true }));
}

async function refusedBy({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Refused> {
  let text = "";
  for await (const piece of body) {
    text += String(piece);
    if (text.length > MAX_ERROR_BYTES) break;
  }
  const after = Number(headers["retry-after"]);
  return {
    status: statusCode,
    message: errorOf(text) ?? `it answered with status ${statusCode}, and no reason`,
    retryAfterSeconds: Number.isFinite(after) && after > 0 ? after : undefined,
  };
}

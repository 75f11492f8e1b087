import { Agent, request } from "node:http";

export interface Asked {
  readonly port: number;
  readonly model: string;
  readonly prompt: string;
  readonly tokens: number;
  readonly agent: Agent;
  /** For the whole answer. */
  readonly timeoutMs: number;
  /** Sent as bearer token. */
  readonly apiKey?: string | undefined;
}

/** What a client saw of one streamed completion. All times are milliseconds since it was sent. */
export interface Answer {
  /** `done`: a whole stream; else why not: a status, the type of an error event, or how the connection ended. */
  readonly outcome: string;
  /** To the first byte that tells something: a comment line, as a gateway sends while a model loads, does not. */
  readonly firstMs: number;
  /** Of each event with a token. */
  readonly atMs: readonly number[];
  readonly endMs: number;
  /** From the moment a paced stand-in wrote a token to its arrival here; empty for a real server. */
  readonly transitMs: readonly number[];
  /** Tokens of the prompt that came from the slot or the prompt cache, and those that were read; 0 where a stand-in says nothing. */
  readonly cachedTokens: number;
  readonly readTokens: number;
}

/** Connections stay open: what is measured is no handshake. For servers that do not close what is idle. */
export function keepAlive(): Agent {
  return new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
}

/** A connection for each request: llama-server may close one that is idle in the moment in which the next request goes to it. */
export function eachItsOwn(): Agent {
  return new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
}

/** Never rejects: what went wrong is the outcome. */
export async function streamOnce({ port, model, prompt, tokens, agent, timeoutMs, apiKey }: Asked): Promise<Answer> {
  const body = JSON.stringify({ model, prompt, max_tokens: tokens, stream: true, temperature: 0, ignore_eos: true });
  const key = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...key };
  const began = performance.now();
  const reader = eventReader(began);
  return new Promise((resolve) => {
    const end = (outcome: string) => {
      clearTimeout(timer);
      resolve({ outcome, endMs: performance.now() - began, ...reader.seen() });
    };
    const sent = request(
      { host: "127.0.0.1", port, path: "/v1/completions", method: "POST", headers, agent },
      (got) => {
        got.on("data", (chunk: Buffer) => reader.take(String(chunk)));
        got.on("end", () => end(got.statusCode === 200 ? reader.outcome() : `status ${got.statusCode}`));
        got.on("error", (error) => end(error.message));
      },
    );
    sent.setNoDelay(true);
    const timer = setTimeout(() => sent.destroy(new Error(`no whole answer in ${timeoutMs / 1000} s`)), timeoutMs);
    sent.on("error", (error) => end(error.message));
    sent.end(body);
  });
}

/** Reads server-sent events as they come. */
function eventReader(began: number) {
  let rest = "";
  let firstMs = Number.NaN;
  let outcome = "cut off";
  let [cachedTokens, readTokens] = [0, 0];
  const atMs: number[] = [];
  const transitMs: number[] = [];
  const takeLine = (line: string, nowMs: number) => {
    if (!line.startsWith("data: ")) return;
    if (Number.isNaN(firstMs)) firstMs = nowMs - began;
    if (line === "data: [DONE]") outcome = "done";
    else if (line.startsWith('data: {"error"')) outcome = "error event";
    else if (!line.includes('"finish_reason":"length"')) atMs.push(nowMs - began);
    cachedTokens = Number(/"cache_n":(\d+)/.exec(line)?.[1] ?? cachedTokens);
    readTokens = Number(/"prompt_n":(\d+)/.exec(line)?.[1] ?? readTokens);
    const sentAt = /"sent_ms":([\d.]+)/.exec(line)?.[1];
    if (sentAt !== undefined) transitMs.push(performance.timeOrigin + nowMs - Number(sentAt));
  };
  return {
    take: (text: string) => {
      const nowMs = performance.now();
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) takeLine(line, nowMs);
    },
    outcome: () => outcome,
    seen: () => ({ firstMs, atMs, transitMs, cachedTokens, readTokens }),
  };
}

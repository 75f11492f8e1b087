import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";

/** One request to a server of this machine. */
export interface LocalRequest {
  /** The address that it listens on. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Sent with POST, as JSON; undefined: GET without a body. */
  readonly body?: object;
  /** Bearer token; undefined: none is sent. */
  readonly token?: string | undefined;
  /** For the whole answer, in milliseconds. */
  readonly timeoutMs: number;
}

export interface LocalAnswer {
  readonly status: number;
  readonly text: string;
}

/** Longest answer that is read. /props holds the chat template, which can be long, but llama-server sends nothing this long. */
const MAX_ANSWER_BYTES = 2 ** 24;

/**
 * Sends one request over a connection of its own, which is closed afterwards. Node's own client, because the agent that only probes
 * then loads no other. Throws if no whole answer comes in time, or one above 16 MiB.
 */
export async function askLocal({ host, port, path, body, token, timeoutMs }: LocalRequest): Promise<LocalAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const method = body === undefined ? "GET" : "POST";
  const asked = request({ host, port, path, method, headers, agent: false, signal });
  // One that comes after the answer is nobody's concern any more.
  asked.on("error", () => {});
  // An agent that ends must not wait for an answer.
  asked.once("socket", (socket) => socket.unref());
  try {
    const answered = once(asked, "response");
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const [response]: IncomingMessage[] = await answered;
    if (response === undefined) throw new Error("no response");
    return { status: response.statusCode ?? 0, text: await textOf(response) };
  } finally {
    asked.destroy();
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { Agent, request } from "undici";
import * as z from "zod";
import { readApiKey } from "./api-key.ts";
import type { Mode } from "./flags.ts";

const HEALTH_TIMEOUT_MS = 5000;
/** A first token of a large model on a cold GPU. */
const COMPLETION_TIMEOUT_MS = 120_000;

/** /props holds the chat template, which can be long; an answer beyond this is not llama-server's. */
const MAX_ANSWER_BYTES = 2 ** 24;

const QUESTIONS: Readonly<Record<Mode, readonly [path: string, body: object]>> = {
  chat: ["/v1/completions", { prompt: "Hello", max_tokens: 1, temperature: 0 }],
  embedding: ["/v1/embeddings", { input: "Hello" }],
  rerank: ["/v1/rerank", { query: "Hello", documents: ["Hello"], top_n: 1 }],
};

const propsSchema = z.object({ model_path: z.string(), model_alias: z.string().optional() });

/** Whom an answer is expected from. */
export interface Expected {
  readonly port: number;
  readonly mode: Mode;
  readonly name: string;
  readonly modelPath: string;
  readonly apiKeyFile: string | undefined;
}

/**
 * Whether it is healthy, ours and no stranger on its port: asked of a server that has answered before, however busy.
 */
export async function isHealthy(expected: Expected): Promise<boolean> {
  return asking(expected, healthy);
}

/**
 * Whether the server can be used: healthy and ours, and able to answer, because after a Metal fault in loading /health alone
 * says 200 while every request fails (docs/background/apple-memory.md, "Metal faults").
 */
export async function answers(expected: Expected): Promise<boolean> {
  const [path, body] = QUESTIONS[expected.mode];
  return asking(expected, async (base, dispatcher) => {
    if (!(await healthy(base, dispatcher, expected))) return false;
    const answer = await request(`${base}${path}`, {
      dispatcher,
      method: "POST",
      headers: { "content-type": "application/json", ...(await authorization(expected)) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(COMPLETION_TIMEOUT_MS),
    });
    await answer.body.dump();
    return answer.statusCode === 200;
  });
}

type Ask = (base: string, dispatcher: Agent, expected: Expected) => Promise<boolean>;

async function asking(expected: Expected, ask: Ask): Promise<boolean> {
  const dispatcher = new Agent({ maxResponseSize: MAX_ANSWER_BYTES });
  try {
    return await ask(`http://127.0.0.1:${expected.port}`, dispatcher, expected);
  } catch {
    return false;
  } finally {
    await dispatcher.destroy();
  }
}

/** Read anew each time: a server that was started with other keys no longer answers, and is started again. */
async function authorization({ apiKeyFile }: Expected): Promise<{ authorization?: string }> {
  const key = apiKeyFile === undefined ? undefined : await readApiKey(apiKeyFile);
  return key?.ok ? { authorization: `Bearer ${key.value}` } : {};
}

async function healthy(base: string, dispatcher: Agent, expected: Expected): Promise<boolean> {
  const { name, modelPath } = expected;
  const health = await request(`${base}/health`, { dispatcher, signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
  await health.body.dump();
  if (health.statusCode !== 200) return false;
  const headers = await authorization(expected);
  const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  const props = await request(`${base}/props`, { dispatcher, headers, signal });
  return isOurs(await props.body.json(), name, modelPath);
}

/** Older servers do not say their alias; the path of the weights they all say. */
function isOurs(props: unknown, name: string, modelPath: string): boolean {
  const parsed = propsSchema.safeParse(props);
  return parsed.success && parsed.data.model_path === modelPath && (parsed.data.model_alias ?? name) === name;
}

/** Whether nobody listens on `port` of this machine; a server on it would answer our probes in our server's place. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await refusesConnections(port)) && (await canListen(port));
}

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen({ host: "127.0.0.1", port }), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

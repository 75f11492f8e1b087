import { once } from "node:events";
import { connect, createServer } from "node:net";
import { Agent, request } from "undici";
import * as z from "zod";
import type { Result } from "../../api/result.ts";
import { readApiKey } from "./api-key.ts";
import type { Mode } from "./flags.ts";

const HEALTH_TIMEOUT_MS = 5000;
/** Long enough for the first token of a large model on a cold GPU. */
const COMPLETION_TIMEOUT_MS = 120_000;

/** Longest answer that is read. /props holds the chat template, which can be long, but llama-server sends nothing this long. */
const MAX_ANSWER_BYTES = 2 ** 24;

/** The test request for each mode: the smallest one that makes the model compute. */
const TEST_REQUESTS: Readonly<Record<Mode, readonly [path: string, body: object]>> = {
  chat: ["/v1/completions", { prompt: "Hello", max_tokens: 1, temperature: 0 }],
  embedding: ["/v1/embeddings", { input: "Hello" }],
  rerank: ["/v1/rerank", { query: "Hello", documents: ["Hello"], top_n: 1 }],
};

const propsSchema = z.object({ model_path: z.string(), model_alias: z.string().optional() });

/** The server that a probe expects on its port. */
export interface Expected {
  readonly port: number;
  readonly mode: Mode;
  readonly name: string;
  readonly modelPath: string;
  readonly apiKeyFile: string | undefined;
}

/** Whether the server is healthy, and the one that we started rather than another process on its port. A busy server still is. */
export async function isHealthy(expected: Expected): Promise<boolean> {
  return run(expected, healthy);
}

/**
 * Whether the server is ready: healthy, ours, and able to answer a test request. Health alone is not enough: after a Metal fault
 * while loading, /health returns 200 although every request fails (docs/background/apple-memory.md, "Metal faults").
 */
export async function answers(expected: Expected): Promise<boolean> {
  const [path, body] = TEST_REQUESTS[expected.mode];
  return run(expected, async (base, dispatcher) => {
    if (!(await healthy(base, dispatcher, expected))) return false;
    const answer = await request(`${base}${path}`, {
      dispatcher,
      method: "POST",
      headers: { "content-type": "application/json", ...authorization(await keyOf(expected)) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(COMPLETION_TIMEOUT_MS),
    });
    await answer.body.dump();
    return answer.statusCode === 200;
  });
}

type Probe = (base: string, dispatcher: Agent, expected: Expected) => Promise<boolean>;

async function run(expected: Expected, probe: Probe): Promise<boolean> {
  const dispatcher = new Agent({ maxResponseSize: MAX_ANSWER_BYTES });
  try {
    return await probe(`http://127.0.0.1:${expected.port}`, dispatcher, expected);
  } catch {
    return false;
  } finally {
    await dispatcher.destroy();
  }
}

/** The key is read for each probe. After the keys change, a server with the old keys fails its probes and is restarted with the new ones. */
async function keyOf({ apiKeyFile }: Expected): Promise<Result<string> | undefined> {
  return apiKeyFile === undefined ? undefined : readApiKey(apiKeyFile);
}

function authorization(key: Result<string> | undefined): { authorization?: string } {
  return key?.ok ? { authorization: `Bearer ${key.value}` } : {};
}

async function healthy(base: string, dispatcher: Agent, expected: Expected): Promise<boolean> {
  const { name, modelPath } = expected;
  const health = await request(`${base}/health`, { dispatcher, signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
  await health.body.dump();
  if (health.statusCode !== 200) return false;
  const key = await keyOf(expected);
  // A key file that cannot be read for a while is no fault of the server, which has its keys already.
  if (key?.ok === false) return true;
  const headers = authorization(key);
  const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  const props = await request(`${base}/props`, { dispatcher, headers, signal });
  return isOurs(await props.body.json(), name, modelPath);
}

/** All servers report the path of their weights; older ones do not report their alias. */
function isOurs(props: unknown, name: string, modelPath: string): boolean {
  const parsed = propsSchema.safeParse(props);
  return parsed.success && parsed.data.model_path === modelPath && (parsed.data.model_alias ?? name) === name;
}

/** A connection on loopback is made or refused at once. */
const CONNECT_TIMEOUT_MS = 500;

/** Whether no process listens on `port` of this machine. Another server there would answer the probes for ours. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await refusesConnections(port)) && (await canListen(port));
}

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return false;
  } catch (error) {
    // A listener whose backlog is full neither accepts nor refuses.
    return !(error instanceof Error && error.name === "AbortError");
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

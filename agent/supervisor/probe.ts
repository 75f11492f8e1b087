import { once } from "node:events";
import { connect, createServer } from "node:net";
import { request } from "undici";
import type { Mode } from "../flags.ts";

const HEALTH_TIMEOUT_MS = 5000;
/** A first token of a large model on a cold GPU. */
const COMPLETION_TIMEOUT_MS = 120_000;

const QUESTIONS: Readonly<Record<Mode, readonly [path: string, body: object]>> = {
  chat: ["/v1/completions", { prompt: "Hello", max_tokens: 1, temperature: 0 }],
  embedding: ["/v1/embeddings", { input: "Hello" }],
  rerank: ["/v1/rerank", { query: "Hello", documents: ["Hello"], top_n: 1 }],
};

/**
 * Whether the server on `port` can be used: healthy, and able to answer, because after a Metal fault in loading /health
 * alone says 200 while every request fails (apple-memory.md §4).
 */
export async function answers(port: number, mode: Mode): Promise<boolean> {
  const base = `http://127.0.0.1:${port}`;
  const [path, body] = QUESTIONS[mode];
  try {
    const health = await request(`${base}/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    await health.body.dump();
    if (health.statusCode !== 200) return false;
    const answer = await request(`${base}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(COMPLETION_TIMEOUT_MS),
    });
    await answer.body.dump();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

/** Whether nobody listens on `port` of this machine; a server on it would answer our probes in our server's place (T15). */
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

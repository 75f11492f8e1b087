import { once } from "node:events";
import { connect, createServer } from "node:net";
import * as z from "zod";
import type { Mode } from "../../memory/estimate/types.ts";
import { askLocal, type LocalAnswer } from "./local-request.ts";

const HEALTH_TIMEOUT_MS = 5000;
/** Long enough for the first token of a large model on a cold GPU. */
export const COMPLETION_TIMEOUT_MS = 120_000;

/** The test request for each mode: the smallest one that makes the model compute. */
const TEST_REQUESTS: Readonly<Record<Mode, readonly [path: string, body: object]>> = {
  chat: ["/v1/completions", { prompt: "Hello", max_tokens: 1, temperature: 0 }],
  embedding: ["/v1/embeddings", { input: "Hello" }],
  rerank: ["/v1/rerank", { query: "Hello", documents: ["Hello"], top_n: 1 }],
};

const propsSchema = z.object({ model_path: z.string(), model_alias: z.string().optional() });
const errorSchema = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** The server that a probe expects on its port. */
export interface Expected {
  /** The address that it listens on. */
  readonly host: string;
  readonly port: number;
  readonly mode: Mode;
  readonly name: string;
  readonly modelPath: string;
  /** Sent as bearer token; undefined if the server has no keys. */
  readonly apiKey: string | undefined;
}

/**
 * What a probe has found.
 *
 * - `well`: it is the server that we started, and it answers.
 * - `silent`: nobody there, still loading, too busy to answer in time, or somebody else.
 * - `refused`: it is alive, but it has other keys than ours (401, 403).
 * - `failing`: it is healthy, and its answer to the test request was an error, which `detail` describes. `lasting`: it refused the
 *   request itself, and so will it every later one.
 */
export type Found =
  | { readonly kind: "well" | "silent" | "refused" }
  | { readonly kind: "failing"; readonly detail: string; readonly lasting?: true };

/** Whether the server is healthy, and the one that we started rather than another process on its port. A busy server still is. */
export async function checkHealth(expected: Expected): Promise<Found> {
  return silentIfThrown(health(expected));
}

/**
 * Whether the server is ready: healthy, ours, and able to answer a test request. Health alone is not enough: after a Metal fault
 * while loading, /health returns 200 although every request fails (docs/background/apple-memory.md, "Metal faults"). Health is asked
 * first, so that a server that still loads gets no test request.
 */
export async function checkAnswers(expected: Expected): Promise<Found> {
  return silentIfThrown(firstAnswer(expected));
}

async function silentIfThrown(probe: Promise<Found>): Promise<Found> {
  try {
    return await probe;
  } catch {
    return { kind: "silent" };
  }
}

async function health({ host, port, name, modelPath, apiKey }: Expected): Promise<Found> {
  const timeoutMs = HEALTH_TIMEOUT_MS;
  const { status } = await askLocal({ host, port, path: "/health", timeoutMs });
  if (status !== 200) return { kind: "silent" };
  const props = await askLocal({ host, port, path: "/props", token: apiKey, timeoutMs });
  if (isRefusal(props.status)) return { kind: "refused" };
  return { kind: isOurs(JSON.parse(props.text), name, modelPath) ? "well" : "silent" };
}

async function firstAnswer(expected: Expected): Promise<Found> {
  const healthy = await health(expected);
  if (healthy.kind !== "well") return healthy;
  const { status, text } = await testRequest(expected, {});
  if (status === 200) return { kind: "well" };
  if (isRefusal(status)) return { kind: "refused" };
  if (isPassing(status)) return { kind: "silent" };
  return failing(status, text);
}

/** @param where further fields */
function testRequest({ host, port, mode, apiKey }: Expected, where: object): Promise<LocalAnswer> {
  const [path, body] = TEST_REQUESTS[mode];
  const timeoutMs = COMPLETION_TIMEOUT_MS;
  return askLocal({ host, port, path, body: { ...body, ...where }, token: apiKey, timeoutMs });
}

function failing(status: number, text: string): Found {
  const detail = `HTTP ${status}${errorIn(text)}`;
  if (!refusesRequest(status)) return { kind: "failing", detail };
  return { kind: "failing", detail: detail + (WITHOUT_POOLING.test(text) ? POOLING_REMEDY : ""), lasting: true };
}

/** It loads, is asked too often, or had no time: 408, 425, 429, 503. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status === 503;
}

/** It answers requests of this kind never: 4xx, and 501 where it was started for others. */
function refusesRequest(status: number): boolean {
  return (status >= 400 && status < 500) || status === 501;
}

/** llama-server answers so to `/v1/embeddings` where neither the file nor a flag says how to pool. */
const WITHOUT_POOLING = /pooling type 'none'/i;
const POOLING_REMEDY = '; set spec.extraArgs to ["--pooling", "last"], or to mean or cls, as the model was trained';

/** A shared cache that is full, and a server that loads, is asked too often or does not know the request: none is a fault. */
const FULL = /context/i;

/**
 * Whether a server that is Ready still answers a test request. `silent`: it gave no answer in two minutes, or one that says nothing about
 * whether it can compute (all but 200 and 500).
 *
 * @param slot where it is to be computed; undefined: where the server likes
 */
export async function checkStillAnswers(expected: Expected, slot: number | undefined): Promise<Found> {
  return silentIfThrown(stillAnswers(expected, slot));
}

async function stillAnswers(expected: Expected, slot: number | undefined): Promise<Found> {
  const { status, text } = await testRequest(expected, slot === undefined ? {} : { id_slot: slot });
  if (status === 200) return { kind: "well" };
  if (isRefusal(status)) return { kind: "refused" };
  return status === 500 && !FULL.test(text) ? failing(status, text) : { kind: "silent" };
}

/** `id_task` is -1 in a slot that older servers have not used, and absent in one that newer ones have not. */
const slotsSchema = z.array(
  z.object({
    id: z.int(),
    is_processing: z.boolean(),
    id_task: z.int().optional(),
    n_prompt_tokens: z.int().optional(),
  }),
);

/** One of the places in which a server keeps a conversation, as it shows it. */
export interface ShownSlot {
  readonly id: number;
  readonly processing: boolean;
  /** Number of the last request in it; undefined if there was none. */
  readonly task: number | undefined;
  /** Tokens of the prompt that is kept in it; undefined: it does not say. */
  readonly cachedTokens: number | undefined;
}

/** The slots of a server; `silent` if it is too busy to show them in time; undefined if it does not show them at all. */
export async function slotsOf({ host, port, apiKey }: Expected): Promise<readonly ShownSlot[] | "silent" | undefined> {
  try {
    const { status, text } = await askLocal({
      host,
      port,
      path: "/slots",
      token: apiKey,
      timeoutMs: HEALTH_TIMEOUT_MS,
    });
    return status === 200 ? shownIn(text) : undefined;
  } catch {
    return "silent";
  }
}

function shownIn(text: string): readonly ShownSlot[] | undefined {
  try {
    return slotsSchema.parse(JSON.parse(text)).map(({ id, is_processing, id_task, n_prompt_tokens }) => ({
      ...{ id, processing: is_processing, cachedTokens: n_prompt_tokens },
      task: id_task === -1 ? undefined : id_task,
    }));
  } catch {
    return undefined;
  }
}

function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

/** All servers report the path of their weights; older ones do not report their alias. */
function isOurs(props: unknown, name: string, modelPath: string): boolean {
  const parsed = propsSchema.safeParse(props);
  return parsed.success && parsed.data.model_path === modelPath && (parsed.data.model_alias ?? name) === name;
}

const SHOWN = 200;

/** llama-server's own words about an error, without control characters. */
function errorIn(text: string): string {
  try {
    const { error } = errorSchema.parse(JSON.parse(text));
    const message = typeof error === "string" ? error : error.message;
    return `: ${message.replace(/\p{Cc}/gu, " ").slice(0, SHOWN)}`;
  } catch {
    return "";
  }
}

/** A connection on loopback is made or refused at once. */
const CONNECT_TIMEOUT_MS = 500;

/** Whether no process listens on `port` of this machine at that address. Another server there would answer the probes for ours. */
export async function isPortFree(host: string, port: number): Promise<boolean> {
  return (await refusesConnections(host, port)) && (await canListen(host, port));
}

async function refusesConnections(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
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

async function canListen(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen({ host, port }), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

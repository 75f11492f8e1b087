import { Histogram, type Registry } from "@prometheus-io/client";
import type { GatewayObserver, RequestSeen, TokensSeen } from "../gateway/observer.ts";
import type { AgentStatus } from "../status/status.ts";
import { type Definition, exportCounter, labelsOf, PREFIX, type Series, WORKLOAD } from "./series.ts";

/** What the gateway's requests came to, by model and by key. */
export interface GatewayMetrics {
  readonly observer: GatewayObserver;
  /** Takes a new status. The series of models that are not in it are removed, as those of keys that are gone. */
  readonly observe: (status: AgentStatus) => void;
  /** Adds them to what a registry exports. Several registries may have them. */
  readonly exportTo: (registry: Registry) => void;
}

type Values = Readonly<Record<string, string>>;

interface Tokens {
  prompt: number;
  cached: number;
  completion: number;
}

interface ModelTally {
  readonly labels: Values;
  /** By endpoint, class of the status, and end. */
  readonly requests: Map<string, { readonly labels: Values; count: number }>;
  readonly tokens: Tokens;
}

interface KeyTally {
  requests: number;
  readonly tokens: Tokens;
}

/** No Kubernetes name has brackets: requests that name no model that there is. */
const UNKNOWN_MODEL: Values = { namespace: "", name: "(unknown)" };
/** The label of requests without a key, or with one that is not in the file. */
const NO_KEY = "(none)";

/** Paths below `/v1/`, each with what is below it, by the class that is counted. Whatever else a client types is `other`, and makes no series. */
const ENDPOINTS: readonly (readonly [path: string, endpoint: string])[] = [
  ...[
    "chat/completions",
    "completions",
    "embeddings",
    "rerank",
    "responses",
    "messages",
    "audio",
    "models",
    "health",
  ].map((path) => [path, path] as const),
  ["completion", "completions"],
  ["embedding", "embeddings"],
  ["reranking", "rerank"],
  ["model", "models"],
];

/** Seconds: a model loads in a moment, or in minutes. */
const WAIT_BUCKETS = [0.01, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
/** Seconds: a short prompt, or one of which each token has to be read. */
const FIRST_BYTE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const SPEED_BUCKETS = [1, 2, 5, 10, 15, 20, 30, 40, 60, 80, 120, 200, 400];

/**
 * Labels are bounded: models are those of the last status, keys those of the keys file.
 *
 * @param keyNames names of the keys that there are now
 */
export function gatewayMetrics(keyNames: () => ReadonlySet<string>): GatewayMetrics {
  let status: AgentStatus | undefined;
  const unknown = modelTally(UNKNOWN_MODEL);
  const models = new Map<string, ModelTally>();
  const keys = new Map<string, KeyTally>();
  const times = histograms();
  const definitions = [...modelCounters(() => [unknown, ...models.values()]), ...keyCounters(() => keys)];

  const count = (request: RequestSeen) => {
    const tally = models.get(request.model ?? "");
    countRequest(tally ?? unknown, request);
    // A look at the list of models waits for nothing.
    if (tally !== undefined && endpointClass(request.endpoint) !== "models") times.observe(tally.labels, request);
    const name = request.key !== undefined && keyNames().has(request.key) ? request.key : NO_KEY;
    const key = keys.get(name) ?? { requests: 0, tokens: noTokens() };
    keys.set(name, key);
    key.requests += 1;
    addTokens(key.tokens, request.tokens);
  };
  return {
    observer: { ended: count },
    observe: (next) => {
      status = next;
      const left = new Set<string>(next.workloads.map(({ id }) => id));
      for (const [id, { labels }] of models) {
        if (left.has(id)) continue;
        models.delete(id);
        times.remove(labels);
      }
      for (const workload of next.workloads) {
        if (!models.has(workload.id)) models.set(workload.id, modelTally(labelsOf(workload)));
      }
      const known = keyNames();
      for (const name of keys.keys()) if (name !== NO_KEY && !known.has(name)) keys.delete(name);
    },
    exportTo: (registry) => {
      for (const definition of definitions) exportCounter(definition, registry, () => status);
      for (const histogram of times.all) registry.registerMetric(histogram);
    },
  };
}

function modelTally(labels: Values): ModelTally {
  return { labels, requests: new Map(), tokens: noTokens() };
}

function noTokens(): Tokens {
  return { prompt: 0, cached: 0, completion: 0 };
}

function addTokens(tokens: Tokens, seen: TokensSeen | undefined): void {
  if (seen === undefined) return;
  tokens.prompt += seen.prompt;
  tokens.cached += seen.cached;
  tokens.completion += seen.completion;
}

function countRequest(tally: ModelTally, { endpoint, status, end, tokens }: RequestSeen): void {
  const values = { endpoint: endpointClass(endpoint), status: statusClass(status), end };
  const kind = Object.values(values).join(" ");
  const requests = tally.requests.get(kind) ?? { labels: { ...tally.labels, ...values }, count: 0 };
  tally.requests.set(kind, requests);
  requests.count += 1;
  addTokens(tally.tokens, tokens);
}

function endpointClass(endpoint: string): string {
  const path = endpoint.replace(/^\/?(?:v1\/)?/, "");
  return ENDPOINTS.find(([one]) => path === one || path.startsWith(`${one}/`))?.[1] ?? "other";
}

/** Where a client left before there was an answer, the status is no HTTP status. */
function statusClass(status: number): string {
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : "none";
}

function modelCounters(tallies: () => readonly ModelTally[]): readonly Definition[] {
  const tokens = (name: string, help: string, part: keyof Tokens): Definition => ({
    ...{ name: `${PREFIX}gateway_${name}_total`, help, labels: WORKLOAD },
    series: (): Series =>
      tallies()
        .filter(({ requests }) => requests.size > 0)
        .map((tally) => [tally.labels, tally.tokens[part]] as const),
  });
  return [
    {
      name: `${PREFIX}gateway_requests_total`,
      help: "Requests to the gateway that have ended: answered by the server, refused, aborted by the client, or broken by the server.",
      labels: [...WORKLOAD, "endpoint", "status", "end"],
      series: () =>
        tallies().flatMap(({ requests }) =>
          [...requests.values()].map(({ labels, count }) => [labels, count] as const),
        ),
    },
    tokens("prompt_tokens", "Tokens of prompts, those from a cache included.", "prompt"),
    tokens("cached_prompt_tokens", "Tokens of prompts that came from a cache.", "cached"),
    tokens("completion_tokens", "Tokens that the model wrote.", "completion"),
  ];
}

function keyCounters(keys: () => ReadonlyMap<string, KeyTally>): readonly Definition[] {
  const counter = (name: string, help: string, value: (tally: KeyTally) => number): Definition => ({
    ...{ name: `${PREFIX}gateway_key_${name}_total`, help, labels: ["key"] },
    series: (): Series => [...keys()].map(([key, tally]) => [{ key }, value(tally)] as const),
  });
  return [
    counter(
      "requests",
      "Requests to the gateway that have ended, by the name of their key.",
      ({ requests }) => requests,
    ),
    counter("prompt_tokens", "Tokens of prompts, by the name of the key.", ({ tokens }) => tokens.prompt),
    counter(
      "completion_tokens",
      "Tokens that models wrote, by the name of the key.",
      ({ tokens }) => tokens.completion,
    ),
  ];
}

interface Histograms {
  readonly all: readonly Histogram[];
  readonly observe: (labels: Values, request: RequestSeen) => void;
  readonly remove: (labels: Values) => void;
}

function histograms(): Histograms {
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `${PREFIX}gateway_${name}`, help, buckets, labelNames: [...WORKLOAD], registers: [] });
  const wait = histogram(
    "queue_wait_seconds",
    "Time from a request until it went to the model's server, or was given up, in seconds.",
    WAIT_BUCKETS,
  );
  const firstByte = histogram(
    "first_byte_seconds",
    "Time from the moment a request went to the model's server to the first byte of the answer, in seconds.",
    FIRST_BYTE_BUCKETS,
  );
  const speed = histogram("tokens_per_second", "Tokens a second while the model wrote an answer.", SPEED_BUCKETS);
  const all = [wait, firstByte, speed];
  return {
    all,
    observe: (labels, { queueMs, firstByteMs, tokens }) => {
      wait.observe(labels, queueMs / 1000);
      if (firstByteMs !== undefined) firstByte.observe(labels, firstByteMs / 1000);
      if (tokens?.perSecond !== undefined) speed.observe(labels, tokens.perSecond);
    },
    remove: (labels) => {
      for (const one of all) one.remove(labels);
    },
  };
}

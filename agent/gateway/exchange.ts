import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Client, clientOf, sendJson } from "./client.ts";
import { type Endpoint, endpointOf, errorShapeOf } from "./endpoints.ts";
import { guardRefusal, type Reach } from "./guard.ts";
import { infer, refuser } from "./inference.ts";
import type { Inside, Notes } from "./inside.ts";
import type { KeyGrant, KeyRing } from "./keys.ts";
import { listedModels } from "./model-list.ts";
import { modelsNamed } from "./names.ts";
import type { GatewayObserver, RequestEnd } from "./observer.ts";
import { ENDING } from "./queue.ts";

/** What answers every request of one gateway. */
export interface Desk {
  readonly inside: Inside;
  readonly keys: KeyRing | undefined;
  readonly observer: GatewayObserver;
  readonly reach: Reach;
  /** Seconds since 1970, for `created`. */
  readonly openedAt: number;
  /** The agent ends: what comes is refused. */
  readonly isEnding: () => boolean;
}

/** Answers one request from its head to its end, and tells the observer once. Never rejects because of what a client or a server does. */
export async function exchange(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
  letBodyCome: () => void,
): Promise<void> {
  const { clock } = desk.inside;
  const target = request.url ?? "";
  const requestId = requestIdOf(request);
  response.setHeader("x-request-id", requestId);
  if (desk.isEnding()) response.setHeader("connection", "close");
  const client = clientOf(response, { shape: errorShapeOf(target), requestId }, desk.inside);
  const notes: Notes = {
    begunAt: clock.monotonic(),
    model: undefined,
    key: undefined,
    endpoint: "other",
    status: 200,
    sentAt: undefined,
    firstByteAt: undefined,
    tokens: undefined,
  };
  let end: RequestEnd = "broken";
  try {
    end = await answer(desk, request, client, { notes, letBodyCome });
  } finally {
    tell(desk, notes, end);
  }
}

interface Beside {
  readonly notes: Notes;
  readonly letBodyCome: () => void;
}

async function answer(desk: Desk, request: IncomingMessage, client: Client, beside: Beside): Promise<RequestEnd> {
  const { inside, keys } = desk;
  const { notes } = beside;
  const refuse = refuser(client, notes);
  const unwelcome = guardRefusal(request, desk.reach);
  if (unwelcome !== undefined) return refuse(unwelcome);
  const endpoint = endpointOf(request.method ?? "", request.url ?? "");
  if ("status" in endpoint) return refuse(endpoint);
  notes.endpoint = endpoint.kind === "inference" ? endpoint.name : endpoint.kind;
  if (desk.isEnding()) return refuse(ENDING);
  if (endpoint.kind === "health") return health(desk, client, notes);
  const check = keys?.check(request.headers);
  if (check !== undefined && check.kind !== "ok") {
    return refuse({
      status: 401,
      code: check.kind === "missing" ? "missing_api_key" : "invalid_api_key",
      message: check.message,
    });
  }
  const key = check?.key;
  notes.key = key?.name;
  if (endpoint.kind === "inference") return infer(inside, request, client, { ...beside, key });
  return models(desk, endpoint, client, { notes, key });
}

function health({ inside }: Desk, client: Client, notes: Notes): RequestEnd {
  if (inside.models.list() === undefined) return refuser(client, notes)(UNREAD);
  sendJson(client.response, 200, JSON.stringify({ status: "ok" }), {});
  return "answered";
}

function models(
  { inside, openedAt }: Desk,
  endpoint: Extract<Endpoint, { kind: "models" | "model" }>,
  client: Client,
  { notes, key }: { readonly notes: Notes; readonly key: KeyGrant | undefined },
): RequestEnd {
  const refuse = refuser(client, notes);
  const all = inside.models.list();
  if (all === undefined) return refuse(UNREAD);
  const visible = key === undefined ? all : all.filter((model) => key.mayUse(model));
  const data = listedModels(visible, openedAt);
  if (endpoint.kind === "models") {
    sendJson(client.response, 200, JSON.stringify({ object: "list", data }), {});
    return "answered";
  }
  const named = modelsNamed(endpoint.name, visible);
  if (named.kind === "refused") return refuse(named.refusal);
  notes.model = named.models[0]?.id;
  const found = data.find(({ id }) => id === named.models[0]?.name);
  sendJson(client.response, 200, JSON.stringify(found), {});
  return "answered";
}

const UNREAD = {
  status: 503,
  code: "not_ready",
  message: "the manifests have not been read yet: try again in a moment",
  retryAfterMs: 1000,
};

/** Of a client that left before there was an answer. */
const NO_STATUS = 0;

function tell({ inside, observer }: Desk, notes: Notes, end: RequestEnd): void {
  const { begunAt, sentAt, firstByteAt, model, key, endpoint, status, tokens } = notes;
  const now = inside.clock.monotonic();
  observer.ended({
    model,
    key,
    endpoint,
    status: end === "aborted" && firstByteAt === undefined ? NO_STATUS : status,
    end,
    queueMs: (sentAt ?? now) - begunAt,
    firstByteMs: firstByteAt === undefined || sentAt === undefined ? undefined : firstByteAt - sentAt,
    totalMs: now - begunAt,
    tokens,
  });
}

/** The client's own, where it is one that may stand in a header. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

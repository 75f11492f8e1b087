import type { IncomingMessage } from "node:http";
import { unlessAborted } from "../lifecycle/aborted.ts";
import { bodyScanner } from "./body-scan.ts";
import type { Client } from "./client.ts";
import { forward, isEventStream, type Outcome } from "./forward.ts";
import { bodyRefusal } from "./guard.ts";
import { headersToServer } from "./headers.ts";
import type { Inside, Notes } from "./inside.ts";
import type { KeyGrant } from "./keys.ts";
import type { GatewayModel } from "./models.ts";
import { modelsNamed, type Named } from "./names.ts";
import type { RequestEnd } from "./observer.ts";
import type { Turn } from "./queue.ts";
import type { Refusal } from "./refusal.ts";
import { openBody, type RequestBody } from "./request-body.ts";
import { usageReader } from "./usage.ts";
import { deadlineOf, judged, type Verdict } from "./verdict.ts";

type Ready = Extract<Turn, { kind: "ready" }>;

interface Asking {
  readonly inside: Inside;
  readonly request: IncomingMessage;
  readonly client: Client;
  readonly notes: Notes;
  readonly body: RequestBody;
  readonly key: KeyGrant | undefined;
  readonly model: string;
  readonly stream: boolean;
  readonly deadline: number;
}

/** Answers one request for a model. @param letBodyCome tells a client that waits for it to send the body */
export async function infer(
  inside: Inside,
  request: IncomingMessage,
  client: Client,
  {
    key,
    notes,
    letBodyCome,
  }: { readonly key: KeyGrant | undefined; readonly notes: Notes; readonly letBodyCome: () => void },
): Promise<RequestEnd> {
  const refuse = refuser(client, notes);
  const { limits, ledger, clock } = inside;
  const deadline = deadlineOf(request.headers["x-request-timeout"], notes.begunAt, limits);
  if (typeof deadline !== "number") return refuse(deadline);
  const wrong = bodyRefusal(request, limits.bodyBytes);
  if (wrong !== undefined) return refuse(wrong);
  const scanner = bodyScanner(request.headers["content-type"] ?? "");
  if (!scanner.ok) return refuse({ status: 415, code: "wrong_content_type", message: scanner.error });
  letBodyCome();
  const body = openBody(request, scanner.value, { limits, ledger, clock });
  try {
    const facts = await unlessAborted(body.facts, client.gone);
    if (facts === undefined) return "aborted";
    if (facts.kind === "refused") return refuse(facts.refusal);
    return await admitted({ inside, request, client, notes, body, key, deadline, ...facts });
  } finally {
    body.release();
    client.quiet();
  }
}

/** Counts the request among those of its key while it lasts. */
async function admitted(asking: Asking): Promise<RequestEnd> {
  const { inside, client, notes, key } = asking;
  const named = inNameOf(asking);
  if (named?.kind === "refused") return refuser(client, notes)(named.refusal);
  const admission = key?.begin(inside.clock.monotonic());
  if (admission?.kind === "busy") {
    const { message, retryAfterMs } = admission;
    return refuser(client, notes)({ status: 429, code: "rate_limit_exceeded", message, retryAfterMs });
  }
  try {
    return await untilAnswered(asking);
  } finally {
    const { tokens } = notes;
    admission?.end(tokens && tokens.prompt + tokens.completion, inside.clock.monotonic());
  }
}

/** The models that it means, of those that its key may use, as of now. */
function inNameOf({ inside, key, model, notes }: Asking): Named | undefined {
  if (key?.isKnown() === false) return { kind: "refused", refusal: takenOut(key) };
  const all = inside.models.list();
  if (all === undefined) return undefined;
  const allowed = key === undefined ? all : all.filter((one) => key.mayUse(one));
  const named = modelsNamed(model, allowed);
  if (named.kind === "found") notes.model = named.models[0]?.id;
  if (named.kind === "found" || key === undefined || allowed.length === all.length) return named;
  const other = modelsNamed(model, all);
  return other.kind === "found" ? { kind: "refused", refusal: notAllowed(key, other.models) } : named;
}

function takenOut({ name }: KeyGrant): Refusal {
  const message = `the key ${JSON.stringify(name)} was taken out of the gateway's keys file: ask whoever runs the gateway for another`;
  return { status: 401, code: "invalid_api_key", message };
}

function notAllowed({ name }: KeyGrant, models: readonly GatewayModel[]): Refusal {
  const message = `the key ${JSON.stringify(name)} may not use ${models[0]?.name}: the keys file of the gateway lists the models of each key`;
  return { status: 403, code: "model_not_allowed", message, param: "model" };
}

async function untilAnswered(asking: Asking): Promise<RequestEnd> {
  const { inside, client, notes } = asking;
  for (let tries = 1; ; tries += 1) {
    const turn = await inside.queue.turn({
      models: () => inNameOf(asking),
      deadline: asking.deadline,
      signal: client.gone,
      waits: () => keepAlive(asking),
    });
    if (turn.kind === "gone") return "aborted";
    if (turn.kind === "refused") return refuser(client, notes)(turn.refusal);
    const verdict = await sent(asking, turn, tries);
    if (verdict.kind !== "again") return ended(asking, verdict);
    keepAlive(asking);
    await askAgain(asking, turn);
    if (client.gone.aborted) return "aborted";
  }
}

function keepAlive({ stream, client, model }: Asking): void {
  if (stream && !client.isTold()) client.keepAlive(() => `waits for ${model}`);
}

async function sent(asking: Asking, turn: Ready, tries: number): Promise<Verdict> {
  const { inside, client, notes, body, deadline, key } = asking;
  notes.model = turn.id;
  if (key?.maySave() === false) inside.models.keepPrivate(turn.id);
  const isInTime = inside.clock.monotonic() < deadline;
  try {
    const outcome = await toServer(asking, turn);
    const canRepeat = isInTime && body.isWhole();
    return judged(outcome, { tries, canRepeat, fault: body.fault(), isTold: client.isTold() });
  } finally {
    turn.hold.release();
  }
}

async function toServer({ inside, request, client, notes, body }: Asking, { route }: Ready): Promise<Outcome> {
  const { clock, limits } = inside;
  notes.sentAt = clock.monotonic();
  let usage = usageReader("");
  const forwarded = {
    path: request.url ?? "/",
    headers: headersToServer(request.headers, { apiKey: route.apiKey, length: body.length() }),
    body: body.send(),
    isForClient: (status: number, headers: IncomingMessage["headers"]) =>
      client.isTold() ? status === 200 && isEventStream(headers) : ![401, 403, 503].includes(status),
    begins: (headers: IncomingMessage["headers"]) => {
      body.sentForGood();
      client.quiet();
      usage = usageReader(String(headers["content-type"] ?? ""));
    },
    passes: (chunk: Buffer) => {
      notes.firstByteAt ??= clock.monotonic();
      usage.take(chunk);
    },
  };
  const { gone } = client;
  const way = inside.pools.to(route);
  const cancel = clock.timer(body.sentForGood, limits.repeatMs);
  try {
    return await forward(way, forwarded, client.response, { gone, clock, stalledMs: limits.stalledMs });
  } finally {
    cancel();
    way.release();
    notes.tokens = usage.end();
  }
}

/** A moment's wait, in which the model counts as asked for. */
async function askAgain({ inside, client }: Asking, { id }: Ready): Promise<void> {
  const hold = inside.models.wait(id);
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = inside.clock.timer(resolve, inside.limits.askAgainMs);
  await unlessAborted(promise, client.gone);
  cancel();
  hold.release();
}

function ended({ client, notes }: Asking, verdict: Exclude<Verdict, { kind: "again" }>): RequestEnd {
  if (verdict.kind === "aborted") return "aborted";
  if (verdict.kind === "refused") {
    refuser(client, notes)(verdict.refusal);
    return verdict.end;
  }
  notes.status = verdict.status;
  if (verdict.kind === "answered") {
    client.response.end();
    return "answered";
  }
  if (!verdict.isStream) client.response.destroy();
  else {
    if (verdict.isWithinLine) client.response.write("\n\n");
    client.refuse(verdict.refusal);
  }
  return "broken";
}

/** Refuses, and notes with which status. */
export function refuser(client: Client, notes: Notes): (refusal: Refusal) => "refused" {
  return (refusal) => {
    notes.status = refusal.status;
    client.refuse(refusal);
    return "refused";
  };
}

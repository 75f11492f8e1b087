import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ListenAddress, originOf } from "../../api/listen.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { STUCK_MS } from "../status/liveness.ts";
import { closeServer, listenWithin, send, sendJson, sendText, timeoutsOf } from "./bounded.ts";
import { eventStreams } from "./events.ts";
import { refusalOf, SECURITY_HEADERS } from "./guard.ts";
import { HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import type { AgentMetrics } from "./metrics.ts";
import { type Asset, readPage } from "./page.ts";
import type { View } from "./view.ts";

export interface HttpServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

type Route = (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** Listens, on loopback only. Fails with one sentence where the port cannot be had. */
export async function serveHttp(
  address: ListenAddress,
  view: View,
  metrics: AgentMetrics,
  dump: () => unknown = () => ({}),
  limits: HttpLimits = HTTP_LIMITS,
): Promise<Result<HttpServer>> {
  const page = await readPage();
  if (!page.ok) return page;
  const routes = new Map([
    ...probeRoutes(view),
    ...dataRoutes(view, metrics, limits),
    ["/api/v1/dump", dumpRoute(dump)] as const,
    ...pageRoutes(page.value),
  ]);
  const server = createServer(timeoutsOf(limits), (request, response) => {
    answer(routes, request, response).catch(() => response.destroy());
  });
  const listening = await listenWithin(server, limits, address);
  if (!listening.ok) return fail(cannotListen(address, listening.error));
  return ok({
    url: `${originOf({ ...address, port: listening.value })}/`,
    close: () => closeServer(server),
  });
}

function cannotListen(address: ListenAddress, why: string): string {
  return `no status page and no metrics at ${originOf(address)} (${why}): name another one with --listen`;
}

async function answer(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  const refusal = refusalOf(request.method, request.headers.host);
  if (refusal !== undefined) {
    if (refusal.status === 405) response.setHeader("allow", "GET, HEAD");
    return sendText(response, refusal.status, refusal.message);
  }
  const [path = ""] = (request.url ?? "").split("?");
  const route = routes.get(path);
  if (route === undefined) return sendText(response, 404, "there is nothing here");
  await route(response, request);
}

function probeRoutes(view: View): readonly (readonly [string, Route])[] {
  const stuck = () => {
    const seconds = Math.round(view.ageMs() / 1000);
    return view.ageMs() < STUCK_MS ? undefined : `the last tick was ${seconds} s ago`;
  };
  const healthz: Route = (response) => {
    const why = stuck();
    sendText(response, why === undefined ? 200 : 503, why ?? "ok");
  };
  const readyz: Route = (response) => {
    const why = view.status() === undefined ? "the manifests have not been read yet" : stuck();
    sendText(response, why === undefined ? 200 : 503, why ?? "ok");
  };
  return [
    ["/healthz", healthz],
    ["/readyz", readyz],
  ];
}

function dataRoutes(
  view: View,
  { registry }: AgentMetrics,
  { connections }: HttpLimits,
): readonly (readonly [string, Route])[] {
  // Half of them leave room for a scrape of the metrics.
  const streams = eventStreams(view, Math.floor(connections / 2));
  const status: Route = (response) => {
    const current = view.status();
    if (current === undefined) return sendText(response, 503, "the manifests have not been read yet");
    sendJson(response, current);
  };
  const events: Route = (response, { method }) => {
    if (method === "HEAD") return send(response, 200, "text/event-stream; charset=utf-8", "");
    if (!streams.open(response)) sendText(response, 503, "too many pages are open");
  };
  const exposition: Route = async (response) => {
    send(response, 200, registry.contentType, await registry.metrics());
  };
  return [
    ["/api/v1/status", status],
    ["/api/v1/events", events],
    ["/metrics", exposition],
  ];
}

function dumpRoute(dump: () => unknown): Route {
  return (response) => sendJson(response, dump());
}

function pageRoutes(page: ReadonlyMap<string, Asset>): readonly (readonly [string, Route])[] {
  return [...page].map(([path, { type, body }]) => [path, (response) => send(response, 200, type, body)]);
}

import { createServer, type ServerResponse } from "node:http";
import type { Registry } from "@prometheus-io/client";
import { errorText } from "../../api/error-code.ts";
import { type ListenAddress, originOf } from "../../api/listen.ts";
import { fail, ok, type Result } from "../../api/result.ts";

/** Each says what is wrong; undefined: nothing. */
export interface Health {
  /** Restarting the process would help. */
  readonly stuck: () => string | undefined;
  /** It does not do its work yet. A controller that waits for its turn is ready. */
  readonly unready: () => string | undefined;
}

export interface HealthServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const LIMITS = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 5000,
};
const MOST_CONNECTIONS = 64;

/** `/livez` (and `/healthz`, its older name), `/readyz` and `/metrics`. They hold no secret and change nothing. Fails with one sentence where the port cannot be had. */
export async function serveHealth(
  address: ListenAddress,
  health: Health,
  registry: Registry,
): Promise<Result<HealthServer>> {
  const routes: Readonly<Record<string, (response: ServerResponse) => void | Promise<void>>> = {
    "/livez": (response) => verdict(response, health.stuck()),
    "/healthz": (response) => verdict(response, health.stuck()),
    "/readyz": (response) => verdict(response, health.stuck() ?? health.unready()),
    "/metrics": async (response) => send(response, 200, registry.contentType, await registry.metrics()),
  };
  const server = createServer(LIMITS, (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (request.method !== "GET" && request.method !== "HEAD")
      return text(response, 405, "only GET and HEAD are allowed");
    if (route === undefined) return text(response, 404, "there is nothing here");
    Promise.resolve(route(response)).catch(() => response.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  const listening = await new Promise<Result<void>>((resolve) => {
    server.once("error", (error) => resolve(fail(cannotListen(address, error))));
    server.listen(address.port, address.host, () => resolve(ok(undefined)));
  });
  if (!listening.ok) return listening;
  server.on("error", () => {});
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return ok({ url: originOf({ ...address, port }), close });
}

function cannotListen(address: ListenAddress, error: Error): string {
  const code = errorText(error);
  const why = code === "EADDRINUSE" ? "the port is in use" : code;
  return `health and metrics cannot be answered at ${originOf(address)} (${why}): name another address with --listen, or off`;
}

function verdict(response: ServerResponse, problem: string | undefined): void {
  text(response, problem === undefined ? 200 : 503, problem ?? "ok");
}

function text(response: ServerResponse, status: number, message: string): void {
  send(response, status, "text/plain; charset=utf-8", `${message}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}

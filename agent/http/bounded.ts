import type { Server, ServerResponse } from "node:http";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { HttpLimits } from "./limits.ts";

/** The limits as options of `createServer`, of http and of https. */
export function timeoutsOf({ headersMs, requestMs, keepAliveMs }: HttpLimits) {
  return {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    // How often Node looks which of them have passed: 30 s unless told.
    connectionsCheckingInterval: headersMs,
  };
}

/** Sets the other limits, and listens. Fails with why, in two or three words. */
export async function listenWithin(
  server: Server,
  { connections, silenceMs }: HttpLimits,
  { host, port }: { readonly host?: string | undefined; readonly port: number },
): Promise<Result<number>> {
  server.maxConnections = connections;
  server.setTimeout(silenceMs);
  const listening = await new Promise<Result<void>>((resolve) => {
    server.once("error", (error) => resolve(fail(whyNot(error))));
    server.listen({ port, ...(host !== undefined && { host }) }, () => resolve(ok(undefined)));
  });
  if (!listening.ok) return listening;
  // A client that goes away in the middle is no fault of the agent's.
  server.on("error", () => {});
  const bound = server.address();
  return ok(typeof bound === "object" && bound !== null ? bound.port : port);
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function whyNot(error: Error): string {
  const code = errorText(error);
  return code === "EADDRINUSE" ? "the port is in use" : code;
}

export function sendText(response: ServerResponse, status: number, message: string): void {
  send(response, status, "text/plain; charset=utf-8", `${message}\n`);
}

export function sendJson(response: ServerResponse, value: unknown): void {
  send(response, 200, "application/json; charset=utf-8", `${JSON.stringify(value, null, 2)}\n`);
}

/** Node leaves the body of an answer to HEAD out. */
export function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { temporaryDirectory } from "../../support/workspace.ts";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** Names and values, as they came. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export type Answering = (request: SeenRequest, response: ServerResponse) => unknown;

/** An HTTP server whose answers a test scripts. */
export async function scriptedServer() {
  const requests: SeenRequest[] = [];
  let connections = 0;
  let answering: Answering = (_request, response) => json(response, 200, { metadata: { name: "x" } });
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method = "", url = "", headers, rawHeaders } = request;
    const seen = { method, url, headers, rawHeaders, body };
    requests.push(seen);
    await answering(seen, response);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    answer: (next: Answering) => {
      answering = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

export function statusObject(code: number, reason: string, message: string, details?: unknown) {
  return {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code,
    reason,
    message,
    ...(details !== undefined && { details }),
  };
}

/** Writes a kubeconfig with one context, and returns its path. */
export async function kubeconfigFile(
  server: string,
  user: object = {},
  cluster: object = {},
  folder?: string,
): Promise<string> {
  const path = join(folder ?? (await temporaryDirectory()), "kubeconfig");
  await writeFile(path, kubeconfigText(server, user, cluster));
  return path;
}

export function kubeconfigText(server: string, user: object = {}, cluster: object = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type Gateway, openGateway } from "../../../agent/gateway/gateway.ts";
import type { KeyRing } from "../../../agent/gateway/keys.ts";
import { GATEWAY_LIMITS, type GatewayLimits } from "../../../agent/gateway/limits.ts";
import type { GatewayModel, Models, Route } from "../../../agent/gateway/models.ts";
import type { RequestSeen } from "../../../agent/gateway/observer.ts";
import { type WorkloadId, workloadId } from "../../../agent/workload/workload-id.ts";
import { systemClock } from "../../../kube/clock.ts";

/** A model as the gateway sees it. */
export function aModel(name: string, more: Partial<GatewayModel> = {}): GatewayModel {
  return {
    id: workloadId(name),
    name,
    aliases: [],
    mode: "chat",
    state: "Sleeping",
    message: undefined,
    contextSize: 4096,
    estimateBytes: 1000,
    measuredBytes: undefined,
    ...more,
  };
}

/** Models of which a test says where they are, and which count who holds them. */
export interface StandInModels extends Models {
  readonly set: (name: string, route: Route) => void;
  readonly remove: (name: string) => void;
  readonly waiting: (name: string) => number;
  readonly inFlight: (name: string) => number;
  /** How often somebody began to wait. */
  readonly asked: () => number;
  readonly listeners: () => number;
  /** The models of which somebody said that what they have read is not to be saved. */
  readonly privates: () => readonly WorkloadId[];
  unread: boolean;
}

export function standInModels(...models: readonly GatewayModel[]): StandInModels {
  const wanted = new Map(models.map((model) => [model.id, model]));
  const routes = new Map<WorkloadId, Route>();
  const listeners = new Set<() => void>();
  const counts = { waiting: new Map<WorkloadId, number>(), inFlight: new Map<WorkloadId, number>() };
  let asked = 0;
  const privates: WorkloadId[] = [];
  const hold = (counted: Map<WorkloadId, number>, id: WorkloadId) => {
    counted.set(id, (counted.get(id) ?? 0) + 1);
    let held = true;
    return {
      release: () => {
        if (held) counted.set(id, (counted.get(id) ?? 0) - 1);
        held = false;
      },
    };
  };
  const changed = () => {
    for (const listener of [...listeners]) listener();
  };
  const gone: Route = { kind: "refused", why: "never", message: "it is not wanted any more" };
  return {
    unread: false,
    list() {
      return this.unread ? undefined : [...wanted.values()];
    },
    routeOf: (id) => routes.get(id) ?? gone,
    wait: (id) => {
      asked += 1;
      return hold(counts.waiting, id);
    },
    use: (id) => {
      assert.equal(routes.get(id)?.kind, "ready");
      return hold(counts.inFlight, id);
    },
    keepPrivate: (id) => {
      privates.push(id);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (name, route) => {
      routes.set(workloadId(name), route);
      changed();
    },
    remove: (name) => {
      wanted.delete(workloadId(name));
      routes.delete(workloadId(name));
      changed();
    },
    waiting: (name) => counts.waiting.get(workloadId(name)) ?? 0,
    inFlight: (name) => counts.inFlight.get(workloadId(name)) ?? 0,
    asked: () => asked,
    listeners: () => listeners.size,
    privates: () => privates,
  };
}

/** A server that answers as a test says, in place of llama-server. */
export interface StandInServer {
  readonly port: number;
  readonly ready: Route;
  /** Requests that it got, with their bodies as far as these came. */
  readonly got: { readonly request: IncomingMessage; readonly response: ServerResponse; body: Buffer }[];
  readonly close: () => Promise<void>;
}

export async function standInServer(answer: RequestListener, atPort = 0): Promise<StandInServer> {
  const got: StandInServer["got"] = [];
  const server = createServer((request, response) => {
    const entry = { request, response, body: Buffer.alloc(0) };
    got.push(entry);
    response.on("error", () => {});
    answer(request, response);
  });
  server.listen(atPort, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ready: { kind: "ready", host: "127.0.0.1", port, apiKey: "of-the-agent" },
    got,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The whole body of a request to a stand-in. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Answers every request with the same JSON, once its body has come. */
export function answersJson(body: unknown, status = 200): RequestListener {
  return (request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
  };
}

export interface Opened {
  readonly gateway: Gateway;
  readonly seen: RequestSeen[];
  readonly faults: string[];
  readonly url: (path: string) => string;
  readonly port: number;
}

/** A gateway on a free port of loopback. */
export async function openHere(
  models: Models,
  { keys, ...limits }: Partial<GatewayLimits> & { readonly keys?: KeyRing } = {},
): Promise<Opened> {
  const seen: RequestSeen[] = [];
  const faults: string[] = [];
  const opened = await openGateway({
    listen: { host: "127.0.0.1", port: 0 },
    models,
    keys,
    observer: { ended: (request) => seen.push(request) },
    limits: { ...GATEWAY_LIMITS, ...limits },
    clock: systemClock,
    background: (what, work) => {
      work.catch((error: unknown) => faults.push(`${what}: ${error instanceof Error ? error.stack : String(error)}`));
    },
  });
  assert(opened.ok);
  const { origin, port } = new URL(opened.value.url);
  return { gateway: opened.value, seen, faults, url: (path) => `${origin}${path}`, port: Number(port) };
}

export const chat = (body: object, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});

/** Looks now and then until it holds. */
export async function until(holds: () => boolean, what: string, milliseconds = 10_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!holds()) {
    assert(performance.now() < end, `${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Opens gateways and servers, and closes them all after a test; no request may have failed inside the gateway. */
export function closingScene() {
  const closing: (() => Promise<void>)[] = [];
  return {
    server: async (answer: RequestListener): Promise<StandInServer> => {
      const opened = await standInServer(answer);
      closing.push(opened.close);
      return opened;
    },
    gateway: async (...args: Parameters<typeof openHere>): Promise<Opened> => {
      const opened = await openHere(...args);
      closing.push(async () => {
        await opened.gateway.close();
        assert.deepEqual(opened.faults, []);
      });
      return opened;
    },
    close: async () => {
      for (const close of closing.splice(0).reverse()) await close();
    },
  };
}

export async function errorOf(answer: Response): Promise<Record<string, unknown>> {
  return ((await answer.json()) as { error: Record<string, unknown> }).error;
}

/** Waits until it is closed. A reset is no fault of a test: the gateway closes while the other side still sends. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** Sends bytes as they are, and gives all that comes until the gateway closes the connection. */
export async function raw(port: number, ...pieces: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  for (const piece of pieces) socket.write(piece);
  await closed(socket);
  return Buffer.concat(chunks).toString();
}

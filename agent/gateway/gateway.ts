import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type ListenAddress, originOf } from "../../api/listen.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { listenWithin } from "../http/bounded.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import type { Background } from "../lifecycle/background.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { GatewayClock } from "./clock.ts";
import { type Desk, exchange } from "./exchange.ts";
import { ledgerOf } from "./kept-body.ts";
import type { KeyRing } from "./keys.ts";
import type { GatewayLimits } from "./limits.ts";
import type { Models } from "./models.ts";
import type { GatewayObserver } from "./observer.ts";
import { openPools } from "./pools.ts";
import { openQueue } from "./queue.ts";
import { answerUnsound } from "./unsound.ts";

/** One port for every model of this Mac. */
export interface Gateway {
  /** For clients: `http://127.0.0.1:8080/v1`. */
  readonly url: string;
  /** Ends the gateway when it is told to: what waits is refused, what is under way gets a moment, and then the port is free. */
  readonly runnable: Runnable;
  /** The same at once, without that moment. More than once does no harm. */
  readonly close: () => Promise<void>;
}

export interface GatewayOptions {
  readonly listen: ListenAddress;
  readonly models: Models;
  /** Undefined: no key is asked for, and the gateway listens on loopback only. */
  readonly keys: KeyRing | undefined;
  readonly observer: GatewayObserver;
  readonly limits: GatewayLimits;
  readonly clock: GatewayClock;
  readonly background: Background;
}

/** Listens. Fails with one sentence where the address may not be used, or cannot be had. */
export async function openGateway(options: GatewayOptions): Promise<Result<Gateway>> {
  const { listen, models, keys, observer, limits, clock, background } = options;
  const isLoopback = listen.host === "::1" || listen.host.startsWith("127.");
  if (!isLoopback && keys === undefined) {
    const message = `the gateway may not listen on ${listen.host} without keys, since whoever reaches it may use every model`;
    return fail(`${message}: name a keys file, or listen on 127.0.0.1:${listen.port}`);
  }
  const queue = openQueue(models, clock, limits.queue);
  const pools = openPools(clock, limits.silentServerMs);
  let isEnding = false;
  const desk: Desk = {
    inside: { models, limits, clock, queue, pools, ledger: ledgerOf(limits.totalPrefixBytes) },
    keys,
    observer,
    reach: isLoopback ? "loopback" : "keys",
    openedAt: Math.floor(Date.now() / 1000),
    isEnding: () => isEnding,
  };
  const under = exchanges(desk, background);
  const server = serverOf(limits, under.take);
  // The silence of a client is bounded where it is known what it should do: here a stream may be silent for long.
  const bounds = { connections: limits.connections, silenceMs: 0, headersMs: 0, requestMs: 0, keepAliveMs: 0 };
  const listening = await listenWithin(server, bounds, listen);
  if (!listening.ok) {
    return fail(`no gateway at ${originOf(listen)} (${listening.error}): name another address with --gateway`);
  }
  const end = async (graceMs: number) => {
    isEnding = true;
    queue.end();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    if (graceMs > 0) await under.idleWithin(graceMs);
    await pools.close();
    // The last events of the streams that were broken off get their turn.
    await under.idleWithin(LAST_WORDS_MS);
    server.closeAllConnections();
    await closed;
  };
  return ok({
    url: `${originOf({ ...listen, port: listening.value })}/v1`,
    runnable: { name: "the gateway", run: (signal) => aborted(signal).then(() => end(limits.endingMs)) },
    close: () => end(0),
  });
}

const LAST_WORDS_MS = 200;

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => whenAborted(signal, resolve));
}

/** All requests under way. */
function exchanges(desk: Desk, background: Background) {
  const { clock, limits } = desk.inside;
  const running = new Set<Promise<void>>();
  return {
    take: (request: IncomingMessage, response: ServerResponse, letBodyCome: () => void) => {
      response.once("finish", () => letGo(request, clock, limits.bodyIdleMs));
      const work = exchange(desk, request, response, letBodyCome).catch((error: unknown) => {
        response.destroy();
        throw error;
      });
      const noted = work.finally(() => running.delete(noted));
      running.add(noted);
      background("a request to the gateway", noted);
    },
    idleWithin: async (milliseconds: number) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = clock.timer(resolve, milliseconds);
      await Promise.race([promise, Promise.allSettled([...running])]);
      cancel();
    },
  };
}

/** A client that got its answer before it sent all of its body may send the rest, so that it reads the answer; but not for ever. */
function letGo(request: IncomingMessage, clock: GatewayClock, milliseconds: number): void {
  if (request.complete) return;
  request.resume();
  const cancel = clock.timer(() => request.destroy(), milliseconds);
  request.once("end", cancel);
  request.once("close", cancel);
}

type Take = (request: IncomingMessage, response: ServerResponse, letBodyCome: () => void) => void;

function serverOf(limits: GatewayLimits, take: Take): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      // Of the whole request: a large body may wait for its model. How slowly it may come is looked at where it is read.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersMs),
      // The refusal is ours, in the shape that clients read.
      requireHostHeader: false,
    },
    (request, response) => take(request, response, () => {}),
  );
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) =>
    take(request, response, () => response.writeContinue()),
  );
  answerUnsound(server);
  return server;
}

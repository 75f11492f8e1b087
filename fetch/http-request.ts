import { createRequire } from "node:module";
import { isIP } from "node:net";
import type { Dispatcher, EnvHttpProxyAgent } from "undici";
import { lookupWithin, type MayReach, unreachableRefusal } from "./reachable.ts";
import { connectionRefusal, Refusal, refuse } from "./refusal.ts";
import { headerOf } from "./response-header.ts";

export interface Connection {
  readonly dispatcher: Dispatcher;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  /** As the user named it. Its origin is the only one that the authorization is ever sent to. */
  readonly source: URL;
  readonly authorization: string | undefined;
  /** Where requests and redirects may lead; everywhere where not set. The dispatcher is made with the same. */
  readonly mayReach?: MayReach | undefined;
}

const require = createRequire(import.meta.url);

/** Loaded at the first request: it takes 10 MiB, which whoever has all models on a disk does without. */
function undici(): typeof import("undici") {
  return require("undici");
}

/**
 * A way to servers. Proxies come from HTTP_PROXY, HTTPS_PROXY and NO_PROXY; what lies behind a proxy is the proxy's to
 * allow. Only https:// makes a tunnel through one: many proxies refuse a tunnel to port 80.
 */
export function httpDispatcher(options: EnvHttpProxyAgent.Options = {}, mayReach?: MayReach): Dispatcher {
  const within = mayReach === undefined ? {} : { connect: { lookup: lookupWithin(mayReach) } };
  try {
    return new (undici().EnvHttpProxyAgent)({ allowH2: false, proxyTunnel: false, ...within, ...options });
  } catch {
    return refuse("HTTP_PROXY or HTTPS_PROXY is not the address of a proxy: http://host:port is expected");
  }
}

export interface Answer {
  readonly response: Dispatcher.ResponseData;
  /** Who answered, after redirects. */
  readonly url: URL;
  /** Who was asked first. */
  readonly source: URL;
}

const USER_AGENT = "pulumi-llmkube";
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** GET with redirects followed by hand, so that credentials stay with their origin; any status but a redirect is returned. */
export async function get(url: URL, headers: Readonly<Record<string, string>>, to: Connection): Promise<Answer> {
  const { source } = to;
  let current = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await send(current, headers, to);
    // A body that is cut off on purpose reports an error which nobody waits for.
    response.body.on("error", () => {});
    if (!REDIRECTS.has(response.statusCode)) return { response, url: current, source };
    response.body.destroy();
    current = redirectTarget(current, headerOf(response, "location"));
  }
  return refuse(`${url.host} redirects more than ${MAX_REDIRECTS} times`);
}

async function send(url: URL, headers: Readonly<Record<string, string>>, to: Connection) {
  const { source, authorization, mayReach } = to;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (mayReach !== undefined && isIP(host) !== 0 && !mayReach(host)) throw unreachableRefusal(host, host);
  const own = authorization !== undefined && url.origin === source.origin ? { authorization } : {};
  const sent = { ...headers, "user-agent": USER_AGENT, ...own };
  try {
    return await undici().request(url, { headers: sent, dispatcher: to.dispatcher, signal: to.signal });
  } catch (error) {
    to.signal.throwIfAborted();
    if (error instanceof Refusal) throw error;
    throw connectionRefusal(error, url);
  }
}

/** Where a redirect leads: http(s) only, and never from https to http. */
export function redirectTarget(from: URL, location: string | undefined): URL {
  const target = location === undefined ? null : URL.parse(location, from.href);
  if (target === null) return refuse(`${from.host} redirects without a valid Location`);
  if (target.protocol === "https:" || target.protocol === from.protocol) return target;
  return refuse(`${from.host} redirects from ${from.protocol}// to ${target.protocol}//, which is not followed`);
}

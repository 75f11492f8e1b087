import { type Dispatcher, request } from "undici";
import { Refusal, refuse } from "./refusal.ts";

/** A failure that another try may not meet: a busy server, a dropped connection. */
export class TransientRefusal extends Refusal {
  /** What the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(clause: string, retryAfterMs?: number) {
    super(clause);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Credentials {
  /** The only origin that the authorization is ever sent to. */
  readonly origin: string;
  readonly authorization: string | undefined;
}

export interface Connection {
  readonly dispatcher: Dispatcher;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  readonly credentials: Credentials;
}

export interface Answer {
  readonly response: Dispatcher.ResponseData;
  /** Who answered, after redirects. */
  readonly url: URL;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** GET with redirects followed by hand, so that credentials stay with their origin; any status but a redirect is returned. */
export async function get(url: URL, headers: Readonly<Record<string, string>>, to: Connection): Promise<Answer> {
  let current = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await send(current, headers, to);
    // A body that is cut off on purpose reports an error which nobody waits for.
    response.body.on("error", () => {});
    if (!REDIRECTS.has(response.statusCode)) return { response, url: current };
    response.body.destroy();
    current = redirectTarget(current, headerOf(response, "location"));
  }
  return refuse(`${url.host} redirects more than ${MAX_REDIRECTS} times`);
}

async function send(url: URL, headers: Readonly<Record<string, string>>, to: Connection) {
  const { origin, authorization } = to.credentials;
  const sent = authorization !== undefined && url.origin === origin ? { ...headers, authorization } : headers;
  try {
    return await request(url, { headers: sent, dispatcher: to.dispatcher, signal: to.signal });
  } catch (error) {
    to.signal.throwIfAborted();
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

/** A response header that appears once. */
export function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === "string" ? value : undefined;
}

const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_SOCKET",
]);

/** What a failed connection means, by the error code of Node or undici. */
export function connectionRefusal(error: unknown, url: URL): Refusal {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  if (code === "ENOTFOUND") return new Refusal(`there is no host ${url.hostname}`);
  const clause = `the connection to ${url.host} failed (${code})`;
  return TRANSIENT_CODES.has(code) ? new TransientRefusal(clause) : new Refusal(clause);
}

/** What an error status means for the person who named the source. */
export function statusRefusal({ response, url }: Answer): Refusal {
  const status = response.statusCode;
  switch (status) {
    case 401:
      return new Refusal(
        `${url.host} answers 401: it does not exist or needs a valid token (HF_TOKEN for hf:// sources)`,
      );
    case 403:
      return new Refusal(
        `${url.host} answers 403: access denied; a gated model needs its licence accepted and HF_TOKEN`,
      );
    case 404:
    case 410:
      return new Refusal(`${url.host} answers ${status}: there is no such file, check the address`);
  }
  const clause = `${url.host} answers ${status}`;
  const worthRetrying = status === 408 || status === 429 || status >= 500;
  return worthRetrying ? new TransientRefusal(clause, retryAfter(response)) : new Refusal(clause);
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110 §10.2.3). */
function retryAfter(response: Dispatcher.ResponseData): number | undefined {
  const value = headerOf(response, "retry-after");
  if (value === undefined) return undefined;
  const milliseconds = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

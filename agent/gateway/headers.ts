import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";

/** They are about one connection, not about the message (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * What a server is not told: the client's key and cookies, what is the gateway's business, and that the client would take a compressed answer, which costs time
 * and saves nothing on one machine.
 */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "authorization",
  "x-api-key",
  "cookie",
  "origin",
  "accept-encoding",
  "x-request-timeout",
]);

/** What a client is not told: CORS is the gateway's to decide, and it allows none. */
const NOT_RETURNED: ReadonlySet<string> = new Set([...HOP_BY_HOP, "server", "x-request-id"]);

export interface ToServer {
  /** Of the server; undefined: it wants none. */
  readonly apiKey: string | undefined;
  /** Of the body, in bytes; undefined: not known, unless the headers say it. */
  readonly length: number | undefined;
}

export function headersToServer(headers: IncomingHttpHeaders, { apiKey, length }: ToServer): Record<string, string> {
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || NOT_FORWARDED.has(name) || isOfConnection(name, headers.connection)
      ? []
      : [[name, String(value)] as const],
  );
  return {
    ...Object.fromEntries(kept),
    ...(length !== undefined && { "content-length": String(length) }),
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
}

export function headersToClient(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        !NOT_RETURNED.has(name) && !name.startsWith("access-control-") && !isOfConnection(name, headers.connection),
    ),
  );
}

/** `Connection: close, x-mine` makes x-mine one of the connection too; never the length, which would change where the message ends. */
function isOfConnection(name: string, connection: string | readonly string[] | undefined): boolean {
  if (connection === undefined || name === "content-length" || name === "content-type") return false;
  return String(connection)
    .toLowerCase()
    .split(",")
    .some((option) => option.trim() === name);
}

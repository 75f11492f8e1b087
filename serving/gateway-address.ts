import { fail, ok, type Result } from "../api/result.ts";
import { isHost, urlHost } from "./endpoint-host.ts";

/** What `parseGateway` accepts, ending the sentence "it must be ...". */
export const GATEWAY_EXPECTED =
  "where clients reach the gateway: HOST:PORT, http://HOST:PORT or https://HOST:PORT, without a path, for example 127.0.0.1:8080";

/** Where clients reach the gateway of a Mac. */
export interface GatewayAddress {
  /** Without a slash at its end: `http://127.0.0.1:8080`. */
  readonly origin: string;
  /** As `isHost` accepts it. */
  readonly host: string;
}

const LONGEST = 300;
const BARE = /^(?<host>\[[0-9A-Fa-f:.]+\]|[^:/?#@\\\s]+):(?<port>\d{1,5})$/;
const ORIGIN = /^(?<scheme>https?):\/\/(?<host>\[[0-9A-Fa-f:.]+\]|[^:/?#@\\\s]+)(?::(?<port>\d{1,5}))?\/?$/;

/** An address of a gateway: `HOST:PORT`, or an origin, whose port may be that of its scheme. Fails with {@link GATEWAY_EXPECTED}. */
export function parseGateway(text: string): Result<GatewayAddress> {
  const parts = text.length > LONGEST ? undefined : (BARE.exec(text)?.groups ?? ORIGIN.exec(text)?.groups);
  const { scheme = "http", host = "", port } = parts ?? {};
  if (!isHost(host) || (port !== undefined && !isPort(Number(port)))) return fail(GATEWAY_EXPECTED);
  return ok({ origin: `${scheme}://${urlHost(host)}${port === undefined ? "" : `:${Number(port)}`}`, host });
}

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535;
}

import { constants, type KeyObject } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { createSecureContext } from "node:tls";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { closeServer, listenWithin, timeoutsOf } from "../http/bounded.ts";
import type { HttpLimits } from "../http/limits.ts";

export interface Material {
  readonly key: KeyObject;
  /** PEM, with its chain. */
  readonly certificate: string;
  /** PEM of the authorities whose client certificates are believed; undefined: none is. */
  readonly clientCa: string | undefined;
}

export interface TlsServer {
  readonly port: number;
  /** New connections get this certificate; those that are open go on. */
  readonly swap: (material: Material) => void;
  readonly close: () => Promise<void>;
}

/** Half-open connections are found by the keep-alive of TCP after this long, and ten seconds. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Serves HTTP/1.1 over TLS 1.2 or later. A client certificate is asked for and never demanded: who shows none may have a token.
 *
 * @param host undefined: all addresses
 */
export async function serveTls(
  address: { readonly host?: string | undefined; readonly port: number },
  material: Material,
  limits: HttpLimits,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Result<TlsServer>> {
  const context = contextOf(material);
  if (!context.ok) return context;
  const server = createServer(
    {
      ...timeoutsOf(limits),
      ...context.value,
      handshakeTimeout: limits.headersMs,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      requestCert: true,
      rejectUnauthorized: false,
    },
    listener,
  );
  const listening = await listenWithin(server, limits, address);
  if (!listening.ok) {
    return fail(`port ${address.port} cannot be had for the kubelet API (${listening.error}): name another one`);
  }
  return ok({
    port: listening.value,
    swap: (next) => {
      const swapped = contextOf(next);
      if (swapped.ok) server.setSecureContext(swapped.value);
    },
    close: () => closeServer(server),
  });
}

/** Fails where the client CA is no PEM. Sessions are not resumed, so that a certificate is verified on each connection. */
function contextOf({ key, certificate, clientCa }: Material): Result<{
  readonly key: string;
  readonly cert: string;
  readonly ca: string[];
  readonly minVersion: "TLSv1.2";
  readonly secureOptions: number;
}> {
  const options = {
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: certificate,
    // Without this the authorities of the public web would be believed.
    ca: clientCa === undefined ? [] : [clientCa],
    minVersion: "TLSv1.2" as const,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    createSecureContext(options);
    return ok(options);
  } catch (error) {
    return fail(
      `the client CA of the kubelet API cannot be used (${errorText(error)}): it must be certificates in PEM`,
    );
  }
}

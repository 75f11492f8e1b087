import type { KubeFailure } from "../client.ts";
import { failed } from "../failure.ts";

/** Codes of Node.js, OpenSSL and undici, in words. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  UND_ERR_DESTROYED: "the connection was given up",
  UND_ERR_CLOSED: "the client is closed",
  UND_ERR_ABORTED: "the connection was given up",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the name of the host cannot be looked up now",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ETIMEDOUT: "no connection in time",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "the answer stopped",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet: is the clock of this machine right?",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is not of the kubeconfig's certificate authority",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate is not of the kubeconfig's certificate authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate is not of the kubeconfig's certificate authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the server's certificate is not of the kubeconfig's certificate authority",
  CERT_SIGNATURE_FAILURE: "the server's certificate is not of the kubeconfig's certificate authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another name",
};

/** What it means that a request got no answer. */
export function connectionFailure(what: string, server: string, error: unknown): KubeFailure {
  const code = firstCode(error);
  const words = WORDS[code] ?? `no answer (${code})`;
  return failed("unavailable", `${what}: ${server} cannot be asked: ${words}`);
}

/** The code of an error, or of what caused it. */
function firstCode(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = causeOf(cause)) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return "unknown error";
}

function causeOf(error: Error): unknown {
  return error instanceof AggregateError ? error.errors[0] : error.cause;
}

import type { IncomingMessage } from "node:http";
import type { Refusal } from "./refusal.ts";

/** Whom the gateway believes. */
export type Reach =
  /** It listens on loopback: a name of another site that leads here is refused. */
  | "loopback"
  /** It listens elsewhere, where every request needs a key: a page of another site has none. */
  | "keys";

/** All of 127.0.0.0/8 is this machine's own: the gateway may listen on any of it. */
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * Refuses what a page of another site could make a browser send: by a name of its own that leads to this machine (Host), or across origins
 * (Origin). There is no CORS: a page has no business here.
 */
export function guardRefusal(request: IncomingMessage, reach: Reach): Refusal | undefined {
  const { host, origin } = request.headers;
  if (host === undefined || count(request, "host") > 1) {
    return { status: 400, code: "bad_host", message: "the request needs one Host header" };
  }
  if (reach === "loopback" && !LOOPBACK_HOST.test(host)) {
    return { status: 403, code: "bad_host", message: "the Host header must be localhost, 127.0.0.1 or [::1]" };
  }
  if (origin !== undefined && !sameOrigin(origin, host)) {
    const message = "pages of other sites may not use this gateway: send no Origin header";
    return { status: 403, code: "cross_origin", message };
  }
  return undefined;
}

/** A body must be one in which the model can be found. */
export function bodyRefusal(request: IncomingMessage, bodyBytes: number): Refusal | undefined {
  const { "content-encoding": encoding, "content-length": length, "content-type": type } = request.headers;
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return {
      status: 415,
      code: "compressed_body",
      message: "the body is compressed: send it without Content-Encoding",
    };
  }
  if (type === undefined || count(request, "content-type") > 1) {
    const message = "the request needs one Content-Type: application/json or multipart/form-data";
    return { status: 415, code: "wrong_content_type", message };
  }
  if (length !== undefined && Number(length) > bodyBytes) return tooLarge(bodyBytes);
  return undefined;
}

export function tooLarge(bytes: number): Refusal {
  const message = `the body is larger than the ${Math.floor(bytes / 2 ** 20)} MiB that the gateway takes`;
  return { status: 413, code: "body_too_large", message };
}

function sameOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

/** Node joins or drops repeated headers, so that only the raw ones tell. */
function count({ rawHeaders }: IncomingMessage, name: string): number {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length;
}

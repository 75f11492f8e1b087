/** Why a request is refused. */
export interface Refusal {
  readonly status: 403 | 405;
  readonly message: string;
}

const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * Protects against DNS rebinding: a page of another site can point a name of its own at loopback and make a browser send
 * requests there. So the Host header must name loopback itself. Nothing here changes anything, so only reading is allowed.
 */
export function refusalOf(method: string | undefined, host: string | undefined): Refusal | undefined {
  if (host === undefined || !LOOPBACK_HOST.test(host)) {
    return { status: 403, message: "the Host header must be localhost, 127.0.0.1 or [::1]" };
  }
  if (method !== "GET" && method !== "HEAD") return { status: 405, message: "only GET and HEAD are allowed" };
  return undefined;
}

/** Sent with every response. Scripts and styles come from this origin only; no other origin may read or frame anything. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

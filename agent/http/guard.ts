/** Why a request is not answered. */
export interface Refusal {
  readonly status: 403 | 405;
  readonly message: string;
}

const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * A page of some other site can make a browser ask loopback, under a name of its own that it has pointed there (DNS
 * rebinding): only loopback's own names are answered. Nothing here changes anything, so nothing but reading is allowed.
 */
export function refusalOf(method: string | undefined, host: string | undefined): Refusal | undefined {
  if (host === undefined || !LOOPBACK_HOST.test(host)) {
    return { status: 403, message: "only requests to localhost, 127.0.0.1 or [::1] are answered" };
  }
  if (method !== "GET" && method !== "HEAD") return { status: 405, message: "only GET and HEAD are answered" };
  return undefined;
}

/** On every answer. The page's script and style come from here and nowhere else; no other origin may read or frame anything. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

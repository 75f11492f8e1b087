import * as z from "zod";

/** What the agent reads of a ServiceAccount's token. The API server checks it; here it is only looked at. */
export interface TokenFacts {
  /** Names the cluster's issuer. */
  readonly issuer: string;
  readonly namespace: string;
  /** Name of the ServiceAccount. */
  readonly account: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970 of the API server's clock. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]).transform((audience) => [audience].flat()),
  iat: z.number(),
  exp: z.number(),
});

const SUBJECT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Undefined where it is no token of a ServiceAccount that expires: one of another kind is used as it is. */
export function tokenFacts(token: string): TokenFacts | undefined {
  const [, payload] = token.split(".");
  if (payload === undefined) return undefined;
  const claims = claimsSchema.safeParse(jsonOf(Buffer.from(payload, "base64url").toString("utf8")));
  if (!claims.success) return undefined;
  const { iss, sub, aud, iat, exp } = claims.data;
  const [, namespace, account] = SUBJECT.exec(sub) ?? [];
  if (namespace === undefined || account === undefined || exp <= iat) return undefined;
  return { issuer: iss, namespace, account, audiences: aud, issuedAt: iat, expiresAt: exp };
}

/**
 * The token to begin with: the one that was issued last. A kept one counts only where it is of the same account of the same cluster as that of
 * the kubeconfig, which a person may have replaced.
 */
export function newestToken(given: string, kept: string | undefined): string {
  const [ofFile, ofState] = [tokenFacts(given), kept === undefined ? undefined : tokenFacts(kept)];
  if (kept === undefined || ofFile === undefined || ofState === undefined) return given;
  const isSame =
    ofFile.issuer === ofState.issuer && ofFile.namespace === ofState.namespace && ofFile.account === ofState.account;
  return isSame && ofState.issuedAt > ofFile.issuedAt ? kept : given;
}

/** Share of its life after which a token is renewed. */
const RENEW_AT = 2 / 3;

/**
 * Milliseconds until a token is to be renewed; 0: now.
 *
 * @param ageMs how long it has been in use, where it was issued just then; a wrong wall clock has no part in it. Undefined: it was issued
 *   to an earlier agent, and only the wall tells its age
 */
export function renewInMs({ issuedAt, expiresAt }: TokenFacts, ageMs: number | undefined, now: number): number {
  const lifeMs = (expiresAt - issuedAt) * 1000;
  const age = ageMs ?? now - issuedAt * 1000;
  // By the clock of this Mac it was issued in the future: nothing is known of its age.
  if (age < 0) return 0;
  return Math.max(lifeMs * RENEW_AT - age, 0);
}

/** The `TokenRequest` for another one of the same life and for the same readers. */
export function tokenRequest({ audiences, issuedAt, expiresAt }: TokenFacts) {
  return {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { audiences, expirationSeconds: expiresAt - issuedAt },
  };
}

/** What to do where the API server takes the token no longer. */
export function expiredSentence({ namespace, account, expiresAt }: TokenFacts, server: string): string {
  const until = new Date(expiresAt * 1000).toISOString().slice(0, 16);
  return (
    `${server} no longer takes the token of this Mac (it was good until ${until}Z): put a new kubeconfig of LlmNode in its place, ` +
    `or a token from kubectl create token ${account} -n ${namespace} --duration=720h; the servers go on meanwhile`
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

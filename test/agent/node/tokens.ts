export const HOUR = 3600;
/** Seconds since 1970. */
export const ISSUED = Date.parse("2026-11-26T12:00:00Z") / 1000;

export const CLAIMS = {
  iss: "https://kubernetes.default.svc",
  sub: "system:serviceaccount:pulumi-llmkube:mac-mac-1",
  aud: ["https://kubernetes.default.svc"],
  iat: ISSUED,
  exp: ISSUED + 24 * HOUR,
};

/** In the form of a ServiceAccount's token, with a signature that is none. */
export function aToken(changes: Record<string, unknown> = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ ...CLAIMS, ...changes })}.c2lnbmF0dXJl`;
}

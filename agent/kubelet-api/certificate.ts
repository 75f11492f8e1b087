import { type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { fail, ok, type Result } from "../../api/result.ts";

/** A certificate of this server, with what follows from it. Times are milliseconds since 1970. */
export interface ServingCertificate {
  /** With the chain, where its signer gave one. */
  readonly pem: string;
  /** By its own key, and by nobody else. */
  readonly selfSigned: boolean;
  readonly from: number;
  readonly until: number;
  /** Tells it from any other. */
  readonly fingerprint: string;
}

/** Reads a certificate. Fails where it is none, is of another key, lacks one of the names, or is not valid now. */
export function readServing(
  pem: string,
  key: KeyObject,
  names: readonly string[],
  now: number,
): Result<ServingCertificate> {
  const certificate = parse(pem);
  if (certificate === undefined) return fail("it is no certificate in PEM");
  if (!certificate.checkPrivateKey(key)) return fail("it is of another key");
  const missing = names.find((name) => !isFor(certificate, name));
  if (missing !== undefined) return fail(`it is not for ${missing}`);
  const from = Date.parse(certificate.validFrom);
  const until = Date.parse(certificate.validTo);
  if (!(from <= now && now < until)) {
    return fail(`it is valid from ${certificate.validFrom} to ${certificate.validTo}, and not now`);
  }
  const selfSigned = certificate.verify(certificate.publicKey);
  return ok({ pem, selfSigned, from, until, fingerprint: certificate.fingerprint256 });
}

/**
 * When to ask for the next one: after 70 to 90 % of its time, as kubelet does, so that a fleet that began together does not renew together.
 *
 * @param random 0 to 1
 */
export function renewalAt({ from, until }: Pick<ServingCertificate, "from" | "until">, random: number): number {
  return from + (until - from) * (0.7 + 0.2 * random);
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function isFor(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  return certificate.checkHost(name, { subject: "never" }) !== undefined;
}

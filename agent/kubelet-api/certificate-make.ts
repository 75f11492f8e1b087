// Some 24 MB and half a second: imported only where a certificate is made.
import "reflect-metadata/lite";
import { createPublicKey, type KeyObject, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { NODES_GROUP, nodeUser } from "../../api/fleet.ts";

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNED_BY = { name: "ECDSA", hash: "SHA-256" } as const;
const YEAR_MS = 365 * 86_400_000;
/** The clock of a client may be behind. */
const BEFORE_MS = 3_600_000;

/** Whom a certificate is for. */
export interface Subject {
  readonly nodeName: string;
  /** Host names and IP addresses; at least one. */
  readonly names: readonly string[];
}

/** A request as the signer `kubernetes.io/kubelet-serving` wants it, as PEM. */
export async function makeRequest(key: KeyObject, subject: Subject): Promise<string> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: nameOf(subject),
    keys: await keysOf(key),
    signingAlgorithm: SIGNED_BY,
    extensions: [alternatives(subject)],
  });
  return request.toString("pem");
}

/** A certificate that its own key has signed, for a year, as PEM. */
export async function makeSelfSigned(key: KeyObject, subject: Subject, now: number): Promise<string> {
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: nameOf(subject),
    keys: await keysOf(key),
    signingAlgorithm: SIGNED_BY,
    notBefore: new Date(now - BEFORE_MS),
    notAfter: new Date(now + YEAR_MS),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      alternatives(subject),
    ],
  });
  return certificate.toString("pem");
}

function nameOf({ nodeName }: Subject): JsonName {
  return [{ O: [NODES_GROUP] }, { CN: [nodeUser(nodeName)] }];
}

function alternatives({ names }: Subject): SubjectAlternativeNameExtension {
  return new SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const),
  );
}

async function keysOf(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return {
    privateKey: await subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), CURVE, false, ["sign"]),
    publicKey: await subtle.importKey("spki", spki, CURVE, true, ["verify"]),
  };
}

import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

/** PEM files of a certificate and of its key. */
export interface Identity {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority of one test. */
export interface Authority extends Identity {
  /** Writes a certificate of a client, valid for a day. @param subject `CN=user, O=group` */
  issue: (name: string, subject: string) => Promise<Identity>;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOUR_MS = 3_600_000;

/** Makes an authority whose files are `NAME.crt` and `NAME.key` in a folder. */
export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const keys = await newKeys();
  const flags = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...validity(),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true), new x509.KeyUsagesExtension(flags, true)],
  });
  const files = await write(folder, name, certificate, keys.privateKey);
  const issue = async (clientName: string, subject: string) => {
    const clientKeys = await newKeys();
    const issued = await x509.X509CertificateGenerator.create({
      subject,
      issuer: certificate.subject,
      ...validity(),
      signingAlgorithm: ALGORITHM,
      signingKey: keys.privateKey,
      publicKey: clientKeys.publicKey,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ],
    });
    return write(folder, clientName, issued, clientKeys.privateKey);
  };
  return { ...files, issue };
}

function newKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function validity() {
  const now = Date.now();
  return { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) };
}

async function write(
  folder: string,
  name: string,
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<Identity> {
  const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  await writeFile(certFile, `${certificate.toString("pem")}\n`);
  await writeFile(keyFile, `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`, { mode: 0o600 });
  return { certFile, keyFile };
}

import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from "node:tls";

/** A user as Kubernetes has it. */
export interface User {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

const AUTHENTICATED = "system:authenticated";

/** The same user with the group that everybody who is known belongs to. */
export function authenticated(user: User): User {
  return { ...user, groups: [...new Set([...user.groups, AUTHENTICATED])] };
}

/**
 * The user whom a client certificate names: CN is the name, each O a group. Undefined where it names none, or more than one, or is not
 * valid at this moment: a connection may outlive its certificate.
 *
 * @param certificate one that was verified against the client CA
 * @param now milliseconds since 1970
 */
export function certificateUser(
  { subject, valid_from: from, valid_to: to }: Pick<PeerCertificate, "subject" | "valid_from" | "valid_to">,
  now: number,
): User | undefined {
  const { CN: name, O: groups = [] }: { CN?: string | string[]; O?: string | string[] } = subject ?? {};
  if (typeof name !== "string" || name === "") return undefined;
  if (!(Date.parse(from) <= now && now < Date.parse(to))) return undefined;
  return authenticated({ name, groups: typeof groups === "string" ? [groups] : groups });
}

/** The user of a TLS connection; undefined where its client showed no certificate of the client CA. */
export function connectionUser(socket: TLSSocket, now: number): User | undefined {
  if (!socket.authorized) return undefined;
  const certificate: Partial<DetailedPeerCertificate> = socket.getPeerCertificate();
  const { subject, valid_from: from, valid_to: to } = certificate;
  if (subject === undefined || from === undefined || to === undefined) return undefined;
  return certificateUser({ subject, valid_from: from, valid_to: to }, now);
}

/** The token of an Authorization header (RFC 6750); undefined where it has none. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header ?? "")?.[1];
}

import { isIPv6 } from "node:net";

/** Letters, digits and `-`, `_` in labels of a host name, as DNS and mDNS have them, or the four numbers of an IPv4 address. */
const HOST_NAME =
  /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
const LONGEST_HOST_NAME = 253;

/** Every spelling of the machine itself is one host. */
const LOOPBACK = "127.0.0.1";
const LOOPBACK_NAMES: ReadonlySet<string> = new Set([LOOPBACK, "localhost", "[::1]", "[::ffff:7f00:1]"]);

/** What `isHost` accepts, ending the sentence "it must be ...". */
export const HOST_EXPECTED = "a host name or an IP address alone, such as 127.0.0.1 or ::1";

/** Whether a text is a host and nothing else: a name, an IPv4 address, or an IPv6 address with its brackets or without. */
export function isHost(text: string): boolean {
  if (isIPv6(bare(text))) return URL.canParse(`http://[${bare(text)}]`);
  return text.length <= LONGEST_HOST_NAME && HOST_NAME.test(text) && URL.canParse(`http://${text}`);
}

/** A host as it stands in a URL: an IPv6 address has brackets there. */
export function urlHost(host: string): string {
  return isIPv6(bare(host)) ? `[${bare(host)}]` : host;
}

/** The same text for each spelling of a host: `LOCALHOST`, `127.0.0.1`, `::1` and `[0:0:0:0:0:0:0:1]` are one. */
export function hostKey(host: string): string {
  const { hostname } = new URL(`http://${urlHost(host)}`);
  const name = hostname.replace(/\.$/, "");
  return LOOPBACK_NAMES.has(name) ? LOOPBACK : name;
}

function bare(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

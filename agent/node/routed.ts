import { createSocket, type SocketType } from "node:dgram";

/** Addresses for documentation (RFC 5737, RFC 3849), which are nobody's: only the default route leads to them. */
const NOWHERE = { udp4: "192.0.2.1", udp6: "2001:db8::1" } as const;
const DISCARD_PORT = 9;

/**
 * The addresses of this machine that its default route has, IPv4 and IPv6, as the kernel chooses them for a socket. Nothing is sent. Empty
 * without a route.
 */
export async function routedAddresses(): Promise<readonly string[]> {
  return (await Promise.all((["udp4", "udp6"] as const).map(routedAddress))).flat();
}

function routedAddress(type: SocketType): Promise<readonly string[]> {
  const socket = createSocket(type);
  return new Promise<readonly string[]>((resolve) => {
    socket.once("error", () => resolve([]));
    socket.connect(DISCARD_PORT, NOWHERE[type], () => resolve([socket.address().address]));
  }).finally(() => socket.close());
}

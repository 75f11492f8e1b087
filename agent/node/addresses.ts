import { isIP } from "node:net";
import type { NetworkInterfaceInfo } from "node:os";
import { fail, ok, type Result } from "../../api/result.ts";

/** As `os.networkInterfaces()` lists them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * Interfaces that lead to no network of other machines, or to one that comes and goes: VPNs and tunnels (utun, tun, tap, wg, ppp, ipsec, gif,
 * stf), what macOS makes for itself (bridge of Thunderbolt and of virtual machines, awdl and llw of AirDrop, ap of a shared connection, anpi of
 * the chip), and those of virtual machines and containers.
 */
const NEVER =
  /^(utun|tun|tap|wg|ppp|ipsec|gif|stf|zt|feth|tailscale|bridge|br-|br\d|awdl|llw|ap\d|anpi|lo|vmnet|vmenet|vnic|vboxnet|virbr|docker|podman|veth|cni|flannel|cali|cilium|kube-|dummy)/;

interface Candidate {
  readonly name: string;
  readonly info: NetworkInterfaceInfo;
}

/**
 * The address by which the API server and clients reach this machine: IPv4 before IPv6, then that of the default route, then en0, then the
 * others by name. Never one of {@link NEVER}, of loopback or of this link alone. Undefined where there is none, as without a network.
 *
 * @param routed the addresses that the default route has, as {@link routedAddresses} finds them; they may be of an interface that is left out
 */
export function chooseAddress(interfaces: Interfaces, routed: readonly string[]): string | undefined {
  const usable = candidatesOf(interfaces).filter(({ name, info }) => !NEVER.test(name) && isReachable(info));
  const rankOf = ({ name, info }: Candidate) =>
    (info.family === "IPv4" ? 0 : 4) + (routed.includes(info.address) ? 0 : name === "en0" ? 1 : 2);
  const inOrder = usable.toSorted(
    (one, other) => rankOf(one) - rankOf(other) || one.name.localeCompare(other.name, "en", { numeric: true }),
  );
  return inOrder[0]?.info.address;
}

/**
 * The address from now on. One that this machine still has stays, since servers listen on it and clients know it: another cable or another default
 * route ends no server. Where it is gone, the one that {@link chooseAddress} finds; without a network the one of before, since nobody could
 * be told of it either.
 */
export function nextAddress(
  before: string | undefined,
  interfaces: Interfaces,
  routed: readonly string[],
): string | undefined {
  const kept = candidatesOf(interfaces).some(
    ({ name, info }) => info.address === before && !NEVER.test(name) && isReachable(info),
  );
  return kept ? before : (chooseAddress(interfaces, routed) ?? before);
}

/** The `--node-ip` that a person named, VPN or not. Fails with one sentence where it is none of this machine's. */
export function namedAddress(text: string, interfaces: Interfaces): Result<string> {
  if (isIP(text) === 0)
    return fail(`--node-ip ${JSON.stringify(text)} is no IP address: give one such as 192.168.1.20`);
  const all = candidatesOf(interfaces);
  const found = all.find(({ info }) => sameAddress(info.address, text));
  if (found !== undefined && isReachable(found.info)) return ok(found.info.address);
  if (found !== undefined) {
    return fail(`--node-ip ${text} reaches this machine from itself or its own link only: name one of ${listOf(all)}`);
  }
  return fail(`--node-ip ${text} is not an address of this machine, which has ${listOf(all)}`);
}

function candidatesOf(interfaces: Interfaces): readonly Candidate[] {
  return Object.entries(interfaces).flatMap(([name, infos = []]) => infos.map((info) => ({ name, info })));
}

function isReachable({ internal, address, family }: NetworkInterfaceInfo): boolean {
  if (internal) return false;
  return family === "IPv4" ? !/^(127|169\.254|0)\./.test(address) : !/^(fe[89ab][0-9a-f]:|::1$)/i.test(address);
}

function sameAddress(one: string, other: string): boolean {
  return one === other || (isIP(other) === 6 && one === new URL(`http://[${other}]`).hostname.slice(1, -1));
}

function listOf(all: readonly Candidate[]): string {
  const named = all.filter(({ info }) => isReachable(info)).map(({ name, info }) => `${info.address} (${name})`);
  return named.length === 0 ? "no address now" : named.join(", ");
}

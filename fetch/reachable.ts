import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { Refusal } from "./refusal.ts";

/**
 * Whether a connection to this address may be made. Whoever reads sources that others name, on a network of its own, must not become
 * their probe of it: the metadata service of a cloud, a server beside it that listens on loopback.
 */
export type MayReach = (address: string) => boolean;

const LOCAL = new BlockList();
LOCAL.addSubnet("0.0.0.0", 8);
LOCAL.addSubnet("127.0.0.0", 8);
LOCAL.addSubnet("169.254.0.0", 16);
LOCAL.addSubnet("224.0.0.0", 4);
LOCAL.addAddress("255.255.255.255");
LOCAL.addAddress("::", "ipv6");
LOCAL.addAddress("::1", "ipv6");
LOCAL.addSubnet("fe80::", 10, "ipv6");
LOCAL.addSubnet("ff00::", 8, "ipv6");
/** Metadata services that are not link-local: of EC2 by IPv6, and of Alibaba Cloud. */
LOCAL.addAddress("fd00:ec2::254", "ipv6");
LOCAL.addAddress("100.100.100.200");

/** False for loopback, link-local, multicast and unspecified addresses, and for the metadata services of clouds. */
export const beyondThisHost: MayReach = (address) => {
  const family = isIP(address.replace(/%.*$/, ""));
  if (family === 0) return false;
  return !LOCAL.check(address.replace(/%.*$/, ""), family === 6 ? "ipv6" : "ipv4");
};

/** The failure of a connection that may not be made. */
export function unreachableRefusal(hostname: string, address: string): Refusal {
  const where = hostname === address ? address : `${hostname} is ${address}, which`;
  return new Refusal(
    `${where} is a loopback, link-local or metadata address: nothing is read from there (--allow-local-sources allows it)`,
    "unsupported",
  );
}

/** `dns.lookup` that fails where one of a name's addresses may not be reached: a name that has both kinds is no mistake. */
export function lookupWithin(mayReach: MayReach): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, []);
      const refused = found.find(({ address }) => !mayReach(address));
      if (refused !== undefined) return done(unreachableRefusal(hostname, refused.address), []);
      if (options.all) return done(null, found);
      const [first = { address: "", family: 4 }] = found;
      return done(null, first.address, first.family);
    });
  };
}

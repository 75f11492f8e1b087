import assert from "node:assert/strict";
import { isIP } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { chooseAddress, type Interfaces, namedAddress } from "../../../agent/node/addresses.ts";
import { routedAddresses } from "../../../agent/node/routed.ts";

function info(address: string): NetworkInterfaceInfo {
  const shared = { address, netmask: "", mac: "", cidr: null, internal: address === "127.0.0.1" || address === "::1" };
  return isIP(address) === 4 ? { ...shared, family: "IPv4" } : { ...shared, family: "IPv6", scopeid: 0 };
}

function interfaces(those: Readonly<Record<string, readonly string[]>>): Interfaces {
  return Object.fromEntries(Object.entries(those).map(([name, addresses]) => [name, addresses.map(info)]));
}

/** What `ifconfig` of a laptop lists besides its network. */
const OF_MACOS = {
  lo0: ["127.0.0.1", "::1", "fe80::1"],
  anpi0: ["fe80::1c2b:3cff:fe4d:1"],
  ap1: ["fe80::f84d:89ff:fe7c:1"],
  awdl0: ["fe80::4c5f:d4ff:fe0e:1"],
  llw0: ["fe80::4c5f:d4ff:fe0e:1"],
  utun0: ["fe80::5f7c:8a1c:bd5c:1"],
  utun3: ["fe80::ce81:b1c:bd2c:69e"],
};

describe("the address of a Mac's Node", () => {
  const cases: readonly (readonly [
    what: string,
    Record<string, readonly string[]>,
    routed: string[],
    string | undefined,
  ])[] = [
    ["a laptop on Wi-Fi", { ...OF_MACOS, en0: ["fe80::10", "192.168.1.20"] }, ["192.168.1.20"], "192.168.1.20"],
    [
      "a mini with Ethernet on en0 and Wi-Fi on en1: the default route",
      { ...OF_MACOS, en0: ["10.0.0.7"], en1: ["10.0.0.8"] },
      ["10.0.0.8"],
      "10.0.0.8",
    ],
    ["no route that can be told: en0", { ...OF_MACOS, en5: ["10.0.0.5"], en0: ["10.0.0.7"] }, [], "10.0.0.7"],
    ["neither route nor en0: by number", { ...OF_MACOS, en10: ["10.0.0.10"], en7: ["10.0.0.5"] }, [], "10.0.0.5"],
    [
      "a VPN that takes the default route",
      { ...OF_MACOS, utun4: ["100.96.1.3"], en0: ["192.168.1.20"] },
      ["100.96.1.3"],
      "192.168.1.20",
    ],
    [
      "a Thunderbolt bridge, virtual machines and containers",
      {
        ...OF_MACOS,
        bridge0: ["169.254.3.4"],
        bridge100: ["192.168.64.1"],
        vmenet0: ["192.168.65.1"],
        vnic0: ["10.211.55.2"],
        docker0: ["172.17.0.1"],
        en0: ["10.1.2.3"],
      },
      ["192.168.64.1"],
      "10.1.2.3",
    ],
    ["a link without DHCP beside a network", { en0: ["169.254.9.9"], en7: ["10.1.2.3"] }, [], "10.1.2.3"],
    [
      "IPv4 before IPv6, even where only IPv6 is routed",
      { en0: ["fd00::2"], en1: ["10.1.2.3"] },
      ["fd00::2"],
      "10.1.2.3",
    ],
    ["IPv6 alone", { ...OF_MACOS, en0: ["fe80::10", "2001:db8:1::7"] }, ["2001:db8:1::7"], "2001:db8:1::7"],
    [
      "WireGuard, tun and tap alone",
      { lo0: ["127.0.0.1"], wg0: ["10.9.0.2"], tun0: ["10.8.0.2"], tap0: ["10.7.0.2"] },
      [],
      undefined,
    ],
    ["no network", OF_MACOS, [], undefined],
    [
      "Linux as a stand-in",
      { lo: ["127.0.0.1", "::1"], eth0: ["192.0.2.2", "fd00::2"] },
      ["192.0.2.2", "fd00::2"],
      "192.0.2.2",
    ],
  ];
  for (const [what, those, routed, address] of cases) {
    it(`${what}: ${address ?? "none"}`, () => assert.equal(chooseAddress(interfaces(those), routed), address));
  }

  const mac = interfaces({ ...OF_MACOS, utun4: ["100.96.1.3"], en0: ["192.168.1.20", "2001:db8:1::7"] });
  for (const given of ["192.168.1.20", "100.96.1.3", "2001:db8:1::7", "2001:DB8:1:0::7"]) {
    it(`may be named: ${given}`, () => assert.equal(namedAddress(given, mac).ok, true));
  }
  const refused: readonly (readonly [given: string, says: RegExp])[] = [
    [
      "192.168.1.21",
      /^--node-ip 192.168.1.21 is not an address of this machine, which has 100.96.1.3 \(utun4\), 192.168.1.20 \(en0\), 2001/,
    ],
    ["127.0.0.1", /^--node-ip 127.0.0.1 reaches this machine from itself or its own link only: name one of 100/],
    ["fe80::1", /its own link only/],
    ["0.0.0.0", /is not an address of this machine/],
    ["mac-1.local", /^--node-ip "mac-1.local" is no IP address: give one such as 192.168.1.20$/],
    ["", /^--node-ip "" is no IP address/],
  ];
  for (const [given, says] of refused) {
    it(`refuses --node-ip ${JSON.stringify(given)} with one sentence`, () => {
      const result = namedAddress(given, mac);
      assert(!result.ok);
      assert.match(result.error, says);
    });
  }

  it("has a default route that is one of this machine's, if there is one", async () => {
    const own = Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).map(({ address }) => address));
    for (const address of await routedAddresses()) assert(own.includes(address), address);
  });
});

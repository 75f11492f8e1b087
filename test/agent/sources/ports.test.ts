import assert from "node:assert/strict";
import { PORTS_BY_NAME, type PortAsker, portsByName } from "../../../agent/sources/directory/ports.ts";

const asker = (name: string, rest: Partial<PortAsker> = {}): PortAsker => ({
  name: `default/${name}`,
  asked: undefined,
  running: undefined,
  ...rest,
});

/** The port of `chat` where nobody else is. */
const ALONE = portsByName([asker("chat")], []).get("default/chat") ?? 0;

interface Case {
  readonly it: string;
  readonly services: readonly PortAsker[];
  readonly taken?: readonly number[];
  /** By name, without the namespace. */
  readonly gives: Readonly<Record<string, number>>;
}

const CASES: readonly Case[] = [
  { it: "none to a service that names its own", services: [asker("chat", { asked: 8080 })], gives: {} },
  { it: "one that depends on the name alone", services: [asker("chat")], gives: { chat: ALONE } },
  {
    it: "the port on which it runs, wherever that is",
    services: [asker("chat", { running: 8080 })],
    gives: { chat: 8080 },
  },
  {
    it: "the next one where another service names it",
    services: [asker("chat"), asker("other", { asked: ALONE })],
    gives: { chat: ALONE + 1 },
  },
  {
    it: "the next one where another service runs there, though its manifest names another",
    services: [asker("chat"), asker("aaa", { asked: 9000, running: ALONE })],
    gives: { chat: ALONE + 1 },
  },
  {
    it: "the next one where the gateway is, or a server without a manifest",
    services: [asker("chat")],
    taken: [ALONE, ALONE + 1],
    gives: { chat: ALONE + 2 },
  },
  {
    it: "another one to a server that runs where the gateway is",
    services: [asker("chat", { running: 8080 })],
    taken: [8080],
    gives: { chat: ALONE },
  },
  {
    it: "no port to two that it gives to one that runs",
    services: [asker("chat"), asker("zzz", { running: ALONE })],
    gives: { chat: ALONE + 1, zzz: ALONE },
  },
];

function given(services: readonly PortAsker[], taken: readonly number[] = []): Record<string, number> {
  const ports = [...portsByName(services, taken)].map(([name, port]) => [name.replace("default/", ""), port]);
  return Object.fromEntries(ports);
}

describe("ports by name", () => {
  for (const { it: gives, services, taken, gives: expected } of CASES) {
    it(`are ${gives}`, () => assert.deepEqual(given(services, taken), expected));
  }

  it("lie in their range, and are what they were: a server restarted after an update has the same", () => {
    assert.deepEqual(PORTS_BY_NAME, { first: 20_000, last: 29_999 });
    assert.equal(ALONE, 22_941);
  });

  it("differ for each of 500 services, and are the same in whatever order these come", () => {
    const services = Array.from({ length: 500 }, (_, index) => asker(`model-${index}`));
    const ports = given(services);
    assert.equal(new Set(Object.values(ports)).size, 500);
    assert.deepEqual(given(services.toReversed()), ports);
  });

  it("are given until none is left, and the rest have none", () => {
    const all = Array.from({ length: 10_000 }, (_, index) => 20_000 + index);
    assert.deepEqual(given([asker("chat"), asker("zzz")], all.slice(0, -1)), { chat: 29_999 });
  });
});

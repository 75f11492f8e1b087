import assert from "node:assert/strict";
import fc from "fast-check";
import { allocatePort, type PortRange, portsHeld } from "../../serving/ports.ts";

const RANGE: PortRange = { first: 18_000, last: 18_009 };

function port(held: Readonly<Record<number, string>>, kept?: number, range = RANGE): number | string {
  const holders = Object.entries(held).map(([number, service]) => ({ service, port: Number(number) }));
  const result = allocatePort(portsHeld(holders), "team/chat", range, kept);
  return result.ok ? result.value : result.error;
}

describe("allocatePort", () => {
  it("is the same for the same name, and within the range", () => {
    const first = port({});
    assert.equal(port({}), first);
    assert.ok(Number(first) >= 18_000 && Number(first) <= 18_009);
  });

  it("keeps what the service holds, within the range or not", () => {
    assert.equal(port({ 18003: "team/chat" }, 18_003), 18_003);
    assert.equal(port({}, 25_000), 25_000);
  });

  it("gives up a port that another one holds by right", () => {
    assert.notEqual(port({ 18003: "team/aaa" }, 18_003), 18_003);
  });

  for (const kept of [0, 80, 1023, 65_536, -1, Number.NaN]) {
    it(`does not keep ${kept}, which no server may have`, () => {
      assert.notEqual(port({}, kept), kept);
    });
  }

  it("fills the range to its last port, and says when it is used up", () => {
    const all = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [18_000 + index, `team/${index}`]));
    for (const free of Object.keys(all)) {
      const { [Number(free)]: _gone, ...held } = all;
      assert.equal(port(held), Number(free));
    }
    assert.equal(
      port(all),
      "all 10 ports from 18000 to 18009 are given to other services: give the controller a larger range, or delete services",
    );
  });

  for (const range of [
    { first: 2, last: 1 },
    { first: 80, last: 90 },
    { first: 65_000, last: 70_000 },
    { first: 1.5, last: 9000 },
  ]) {
    it(`refuses the range ${range.first}-${range.last}`, () => {
      assert.match(String(port({}, undefined, range)), /must lie between 1024 and 65535/);
    });
  }

  it("never gives one port twice, in whatever order services come", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 10 });
    fc.assert(
      fc.property(names, (services) => {
        const held = new Map<number, string>();
        for (const service of services) {
          const given = allocatePort(held, service, RANGE);
          assert.ok(given.ok && !held.has(given.value));
          held.set(given.value, service);
        }
      }),
    );
  });
});

describe("portsHeld", () => {
  it("lets the first of two names keep a port, whatever the order", () => {
    const both = [
      { service: "b/x", port: 18_000 },
      { service: "a/x", port: 18_000 },
    ];
    assert.deepEqual([...portsHeld(both)], [[18_000, "a/x"]]);
    assert.deepEqual([...portsHeld(both.toReversed())], [[18_000, "a/x"]]);
  });
});

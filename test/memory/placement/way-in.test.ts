import assert from "node:assert/strict";
import fc from "fast-check";
import { GiB } from "../../../api/bytes.ts";
import { place } from "../../../memory/placement/place.ts";
import { wayIn, wayInText } from "../../../memory/placement/way-in.ts";
import { bound, type FleetCase, fleetCases, host, workload } from "./fleets.ts";

describe("wayIn", () => {
  const a = workload("a", 6, 10);
  const table: readonly (readonly [what: string, fleet: Omit<FleetCase, "waiting">, says: string | undefined])[] = [
    ["has room", { hosts: [host("h0", 6)], bound: [] }, undefined],
    ["displaces a lower one", { hosts: [host("h0", 6)], bound: [bound("low", "h0", 6, 0)] }, undefined],
    [
      "lacks memory on two Macs",
      { hosts: [host("h0", 10), host("h1", 10)], bound: [bound("x", "h0", 8, 10), bound("y", "h1", 7, 20)] },
      "h1 has 3.0 GiB free, and would take it with 3.0 GiB more; with a priority above 10 it would displace x on h0",
    ],
    [
      "needs the higher of two to yield",
      { hosts: [host("h0", 10)], bound: [bound("x", "h0", 2, 10), bound("y", "h0", 8, 20)] },
      "h0 has 0 B free, and would take it with 6.0 GiB more; with a priority above 20 it would displace y on h0",
    ],
    ["is too large for every Mac", { hosts: [host("h0", 4)], bound: [] }, ""],
    ["may be on none", { hosts: [host("h0", 10, { unschedulable: true })], bound: [] }, ""],
    [
      "has a replica on the only Mac",
      { hosts: [host("h0", 20)], bound: [bound("a-1", "h0", 6, 10, { ports: [a.port], workload: "a" })] },
      "",
    ],
  ];
  for (const [what, fleet, says] of table) {
    it(`of one that ${what}: ${says ?? "nothing to say"}`, () => {
      const way = wayIn(fleet.hosts, fleet.bound, a);
      assert.equal(way && wayInText(way), says);
    });
  }

  it("asks which context would fit what is free now", () => {
    const way = wayIn([host("h0", 10)], [bound("x", "h0", 8, 10)], a);
    assert.ok(way);
    const asked: number[] = [];
    const text = wayInText(way, (bytes) => {
      asked.push(bytes);
      return 4096;
    });
    assert.deepEqual(asked, [2 * GiB]);
    assert.match(text, /with 4\.0 GiB more; with a context of 4096 tokens it would fit there now; with a priority/);
  });

  it("is true: with so much memory, or that priority, it gets a place", () => {
    fc.assert(
      fc.property(fleetCases, fc.integer({ min: 1, max: 16 }), ({ hosts, bound: running }, gib) => {
        const one = workload("one", gib, 10);
        const way = wayIn(hosts, running, one);
        fc.pre(way !== undefined);
        const kindOf = (macs: typeof hosts, asked: typeof one) =>
          place(macs, running, [{ workload: asked, replicas: 1 }]).outcomes[0]?.kind;
        assert.equal(kindOf(hosts, one), "stays out");
        const { nearest, byPriority } = way;
        if (nearest !== undefined) {
          const larger = hosts.map((mac) =>
            mac.name === nearest.mac ? { ...mac, allocatableBytes: mac.allocatableBytes + nearest.missingBytes } : mac,
          );
          assert.equal(kindOf(larger, one), "runs");
        }
        if (byPriority !== undefined) {
          assert.equal(kindOf(hosts, { ...one, priority: byPriority.above + 1 }), "runs");
          assert.equal(kindOf(hosts, { ...one, priority: byPriority.above }), "stays out");
        }
      }),
      { numRuns: 500 },
    );
  });
});

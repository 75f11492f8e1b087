import assert from "node:assert/strict";
import fc from "fast-check";
import { type Hold, reservationOf, shareBytes, takenBytes } from "../../../agent/decisions/host-share.ts";

/** Within what it was granted, unless said otherwise. */
const hold = (key: string, heldBytes: number, part: Partial<Hold> = {}): Hold => ({
  key,
  heldBytes,
  pendingBytes: 0,
  grantedBytes: heldBytes,
  ...part,
});
const ALLOCATABLE = 700;

describe("a reservation among the agents of a machine", () => {
  const cases: readonly (readonly [name: string, own: Hold, others: readonly Hold[], expected: string])[] = [
    ["alone", hold("m", 0, { pendingBytes: 700 }), [], "granted"],
    ["beside agents that hold nothing", hold("m", 800), [hold("a", 0)], "granted"],
    ["fits to the byte", hold("m", 100, { pendingBytes: 300 }), [hold("a", 300)], "granted"],
    ["a byte too much", hold("m", 100, { pendingBytes: 301 }), [hold("a", 300)], "withdraw"],
    [
      "fits beside what another announces",
      hold("m", 0, { pendingBytes: 300 }),
      [hold("a", 0, { pendingBytes: 400 })],
      "granted",
    ],
    ["competes, and goes first", hold("m", 0, { pendingBytes: 400 }), [hold("z", 0, { pendingBytes: 400 })], "insist"],
    [
      "competes, and goes second",
      hold("m", 0, { pendingBytes: 400 }),
      [hold("a", 0, { pendingBytes: 400 })],
      "withdraw",
    ],
    [
      "competes with two, and goes between them",
      hold("m", 0, { pendingBytes: 400 }),
      [hold("a", 0, { pendingBytes: 400 }), hold("z", 0, { pendingBytes: 400 })],
      "withdraw",
    ],
    [
      "goes first, but what others hold is too much already",
      hold("m", 0, { pendingBytes: 400 }),
      [hold("z", 400, { pendingBytes: 1 })],
      "withdraw",
    ],
    ["its servers grew, and it fits", hold("m", 350, { grantedBytes: 300 }), [hold("a", 300)], "granted"],
    ["its servers grew, and it does not fit", hold("m", 450, { grantedBytes: 300 }), [hold("a", 300)], "withdraw"],
  ];
  for (const [name, own, others, expected] of cases) {
    it(`${name}: ${expected}`, () => assert.equal(reservationOf(own, others, ALLOCATABLE), expected));
  }

  it("never grants together what fits only once, whatever the order of announcing and looking", () => {
    const steps = fc.array(fc.tuple(fc.nat(2), fc.constantFrom("announce", "decide")), { maxLength: 30 });
    const wishes = fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: ALLOCATABLE })));
    fc.assert(
      fc.property(wishes, steps, (bytes, order) => {
        const agents = bytes.map((wish, index) => ({ wish, hold: hold(`${index}`, 0) }));
        for (const [index, step] of order) {
          const agent = agents[index];
          assert(agent !== undefined);
          const { wish } = agent;
          if (step === "announce" && agent.hold.grantedBytes === 0) agent.hold = { ...agent.hold, pendingBytes: wish };
          if (step === "announce" || agent.hold.pendingBytes === 0) continue;
          const others = agents.filter((other) => other !== agent).map((other) => other.hold);
          const reservation = reservationOf(agent.hold, others, ALLOCATABLE);
          if (reservation === "granted") agent.hold = { ...agent.hold, grantedBytes: wish };
          // As agent/claims/claimant.ts does: what was granted before is given back, too.
          if (reservation === "withdraw") agent.hold = { ...agent.hold, pendingBytes: 0, grantedBytes: 0 };
        }
        const granted = agents.reduce((sum, agent) => sum + agent.hold.grantedBytes, 0);
        assert.ok(granted <= ALLOCATABLE, `${granted}`);
      }),
    );
  });
});

describe("what the servers of one agent may use beside others", () => {
  const cases: readonly (readonly [name: string, own: Hold, others: readonly Hold[], expected: number])[] = [
    ["alone: everything", hold("m", 300), [], 700],
    ["beside one within its claim: what it leaves", hold("m", 300), [hold("a", 300)], 400],
    ["what another is about to start is not free", hold("m", 100), [hold("a", 300, { pendingBytes: 200 })], 200],
    ["another one grew into free memory that was granted to it", hold("m", 300), [hold("a", 400)], 300],
    [
      "another one grew beyond all: what this one was granted stays",
      hold("m", 300),
      [hold("a", 600, { grantedBytes: 300 })],
      400,
    ],
    [
      "both grew, the other one further: this one does not give way",
      hold("m", 360, { grantedBytes: 300 }),
      [hold("a", 380, { grantedBytes: 300 })],
      400,
    ],
    [
      "both grew, this one further: it gives way",
      hold("m", 380, { grantedBytes: 300 }),
      [hold("a", 360, { grantedBytes: 300 })],
      340,
    ],
    [
      "both grew alike: the first by key gives way",
      hold("a", 360, { grantedBytes: 300 }),
      [hold("m", 360, { grantedBytes: 300 })],
      340,
    ],
    [
      "both grew alike: the second by key does not",
      hold("m", 360, { grantedBytes: 300 }),
      [hold("a", 360, { grantedBytes: 300 })],
      400,
    ],
    [
      "another one has a larger allocatable memory and uses it: what this one was granted stays",
      hold("m", 300),
      [hold("a", 10_000)],
      300,
    ],
    ["never more than the allocatable memory, such as after a restart with less", hold("m", 800), [], 700],
    ["nothing granted and nothing free: nothing", hold("m", 300, { grantedBytes: 0 }), [hold("a", 700)], 0],
  ];
  for (const [name, own, others, expected] of cases) {
    it(name, () => assert.equal(shareBytes(own, others, ALLOCATABLE), expected));
  }

  it("is never less than what an agent was granted, and one of those that grew too much must give way", () => {
    const agent = fc.record({ grantedBytes: fc.nat(300), growth: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(agent, { minLength: 2, maxLength: 4 }), (drawn) => {
        const agents = drawn.map(({ grantedBytes, growth }, index) =>
          hold(`${index}`, grantedBytes + growth, { grantedBytes }),
        );
        const all = (bytes: (one: Hold) => number) => agents.reduce((sum, one) => sum + bytes(one), 0);
        fc.pre(all((one) => one.grantedBytes) <= ALLOCATABLE);
        const shares = agents.map((own) =>
          shareBytes(
            own,
            agents.filter((other) => other !== own),
            ALLOCATABLE,
          ),
        );
        for (const [index, own] of agents.entries()) assert.ok((shares[index] ?? 0) >= own.grantedBytes);
        const over = agents.some((own, index) => own.heldBytes > (shares[index] ?? 0));
        assert.equal(over, all((one) => one.heldBytes) > ALLOCATABLE);
      }),
    );
  });
});

describe("what another agent takes from this one", () => {
  it("is what it holds, and what it announces if it goes first", () => {
    const other = hold("m", 100, { pendingBytes: 50 });
    assert.deepEqual([takenBytes({ key: "z" }, other), takenBytes({ key: "a" }, other)], [150, 100]);
  });
});

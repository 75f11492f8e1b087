import assert from "node:assert/strict";
import fc from "fast-check";
import { admit, type Candidate, type Holder } from "../../agent/admission.ts";

const candidate = (name: string, chargeBytes: number, priority = 2): Candidate => ({ name, chargeBytes, priority });
const holder = (name: string, chargeBytes: number, part: Partial<Holder> = {}): Holder => ({
  name,
  chargeBytes,
  starting: false,
  unknown: false,
  ...part,
});

describe("admission", () => {
  it("starts the first by priority, then by name, and one only", () => {
    const { start, waiting } = admit([candidate("c", 1), candidate("b", 1), candidate("z", 1, 4)], [], 10);
    assert.equal(start, "z");
    assert.deepEqual([...waiting.keys()], ["b", "c"]);
    assert.equal(admit([candidate("c", 1), candidate("b", 1)], [], 10).start, "b");
  });

  it("T3: fills what the node gives to the byte, and not beyond", () => {
    assert.equal(admit([candidate("a", 4)], [holder("x", 6)], 10).start, "a");
    const { start, waiting } = admit([candidate("a", 5)], [holder("x", 6)], 10);
    assert.equal(start, undefined);
    assert.equal(waiting.get("a"), "waits for 1 B of memory: needs 5 B, 4 B of 10 B are free");
  });

  it("starts nothing while another starts", () => {
    const { start, waiting } = admit([candidate("a", 1)], [holder("x", 1, { starting: true })], 10);
    assert.equal(start, undefined);
    assert.match(waiting.get("a") ?? "", /waits for x to be ready/);
  });

  it("starts nothing while a running model cannot be measured", () => {
    const { start, waiting } = admit([candidate("a", 1)], [holder("x", 1, { unknown: true })], 10);
    assert.equal(start, undefined);
    assert.match(waiting.get("a") ?? "", /memory of x can be measured/);
  });

  it("lets nobody overtake, and refuses at once what could never run here", () => {
    const queue = [candidate("a", 11), candidate("b", 8), candidate("c", 1)];
    const { start, waiting, refused } = admit(queue, [holder("x", 5)], 10);
    assert.equal(start, undefined);
    assert.deepEqual([...refused.keys()], ["a"]);
    assert.match(waiting.get("c") ?? "", /waits for b, which is ahead/);
  });

  it("never exceeds the allocatable memory, and always says something about everyone", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 6 });
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: 1, max: 40 }), (wanted, held, allocatable) => {
        const candidates = wanted.map((bytes, index) => candidate(`c${index}`, bytes));
        const { start, waiting, refused } = admit(
          candidates,
          held.map((bytes, index) => holder(`h${index}`, bytes)),
          allocatable,
        );
        const started = candidates.find(({ name }) => name === start);
        const sum = held.reduce((total, bytes) => total + bytes, started?.chargeBytes ?? 0);
        assert(started === undefined || sum <= allocatable);
        assert.equal(waiting.size + refused.size + (started ? 1 : 0), candidates.length);
      }),
    );
  });
});

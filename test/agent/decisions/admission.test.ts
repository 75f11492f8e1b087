import assert from "node:assert/strict";
import fc from "fast-check";
import { admit, type Candidate, type Holder, unreserved } from "../../../agent/decisions/admission.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";

const candidate = (name: string, chargeBytes: number, priority = 2, projected = true): Candidate => ({
  id: workloadId(name),
  name,
  chargeBytes,
  priority,
  since: 100,
  projected,
});
const unasked = (name: string, chargeBytes: number): Candidate => candidate(name, chargeBytes, 2, false);
const holder = (name: string, chargeBytes: number, part: Partial<Holder> = {}): Holder => ({
  id: workloadId(name),
  name,
  priority: 2,
  since: 0,
  chargeBytes,
  loading: false,
  asked: false,
  unknown: false,
  ...part,
});

/** Admission's decisions by name, the waiting ones in the order of the queue. */
function admitted(candidates: readonly Candidate[], holders: readonly Holder[], allocatableBytes: number) {
  const started: string[] = [];
  const waiting = new Map<string, string>();
  const refused = new Map<string, string>();
  const verdicts = admit(candidates, holders, { bytes: allocatableBytes, origin: "made up", byFraction: true });
  for (const [id, verdict] of verdicts) {
    if (verdict.kind === "starts") started.push(id);
    else if (verdict.kind === "refused") refused.set(id, verdict.message);
  }
  const queue = [...verdicts].flatMap(([id, verdict]) => (verdict.kind === "waits" ? [{ id, ...verdict }] : []));
  for (const { id, message } of queue.toSorted((a, b) => a.queuePosition - b.queuePosition)) waiting.set(id, message);
  return { started, start: started[0], waiting, refused };
}

describe("admission", () => {
  it("starts one workload only: the first by priority, then by name", () => {
    const { started, waiting } = admitted([candidate("c", 1), candidate("b", 1), candidate("z", 1, 4)], [], 10);
    assert.deepEqual(started, ["z"]);
    assert.deepEqual([...waiting.keys()], ["b", "c"]);
    assert.equal(admitted([candidate("c", 1), candidate("b", 1)], [], 10).start, "b");
  });

  it("LLMKube trap T3: fills the allocatable memory to the byte, and never exceeds it", () => {
    assert.equal(admitted([candidate("a", 4)], [holder("x", 6)], 10).start, "a");
    const { start, waiting } = admitted([candidate("a", 5)], [holder("x", 6)], 10);
    assert.equal(start, undefined);
    assert.equal(waiting.get("a"), "waits for 1 B of memory: it needs 5 B, and 4 B of 10 B are free; held by x 6 B");
  });

  it("starts nothing while another loads", () => {
    const { start, waiting } = admitted([candidate("a", 1)], [holder("x", 1, { loading: true })], 10);
    assert.equal(start, undefined);
    assert.match(waiting.get("a") ?? "", /^waits for x to load; one model loads at a time/);
  });

  it("asks for projections beside one another, and beside one that loads, four at a time", () => {
    const five = ["a", "b", "c", "d", "e"].map((name) => unasked(name, 1));
    const { started, waiting } = admitted(five, [holder("x", 1, { loading: true })], 10);
    assert.deepEqual(started, ["a", "b", "c", "d"]);
    assert.match(waiting.get("e") ?? "", /^waits until llama-server has projected/);
    assert.deepEqual(admitted(five, [holder("y", 1, { asked: true })], 10).started, ["a", "b", "c"]);
  });

  it("starts one beside projections that hang", () => {
    const hanging = ["w", "x", "y", "z"].map((name) => holder(name, 1, { asked: true }));
    assert.deepEqual(admitted([candidate("a", 1), unasked("b", 1)], hanging, 10).started, ["a"]);
  });

  it("keeps the memory free for what is asked or starts already, also within one pass", () => {
    const asked = holder("x", 6, { asked: true });
    assert.equal(admitted([candidate("a", 5)], [asked], 10).start, undefined);
    assert.deepEqual(admitted([unasked("a", 6), unasked("b", 5), unasked("c", 4)], [], 10).started, ["a", "c"]);
    assert.deepEqual(admitted([unasked("a", 6), unasked("b", 4)], [], 10).started, ["a", "b"]);
  });

  it("starts nothing while a running model cannot be measured", () => {
    const { start, waiting } = admitted([candidate("a", 1)], [holder("x", 1, { unknown: true })], 10);
    assert.equal(start, undefined);
    assert.match(waiting.get("a") ?? "", /memory of x can be measured/);
  });

  it("refuses what could never fit here, and decides on the others all the same", () => {
    const { start, refused } = admitted([candidate("a", 11), candidate("b", 8)], [], 10);
    assert.equal(start, "b");
    assert.deepEqual([...refused.keys()], ["a"]);
  });

  it("lets a small workload overtake a waiting large one if both fit together", () => {
    const { start, waiting } = admitted([candidate("large", 8), candidate("small", 2)], [holder("x", 5)], 10);
    assert.equal(start, "small");
    assert.match(waiting.get("large") ?? "", /^waits for 3 B of memory/);
  });

  it("lets no workload overtake if the waiting large one would then lack its memory", () => {
    const queue = [candidate("large", 8), candidate("z", 2)];
    const overtaken = [holder("x", 3), holder("y", 2, { since: 200 })];
    const { start, waiting } = admitted(queue, overtaken, 10);
    assert.equal(start, undefined);
    assert.equal(
      waiting.get("z"),
      "waits for large, which is ahead in the queue and needs the memory; position 2 of 2 in the queue",
    );
    const higher = [holder("x", 3), holder("y", 2, { since: 200, priority: 3 })];
    assert.equal(admitted(queue, higher, 10).start, "z");
  });

  it("holds a start back until the memory is reserved on the machine, and changes no other decision", () => {
    assert.equal(unreserved({ kind: "starts" })?.kind, "reserves");
    const waits = { kind: "waits", message: "m", queuePosition: 1 } as const;
    assert.deepEqual([unreserved(waits), unreserved(undefined)], [waits, undefined]);
  });

  it("never exceeds the allocatable memory, and decides on every candidate", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 6 });
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: 1, max: 40 }), (wanted, held, allocatable) => {
        const candidates = wanted.map((bytes, index) => candidate(`c${index}`, bytes, 2, index % 3 === 0));
        const { started, waiting, refused } = admitted(
          candidates,
          held.map((bytes, index) => holder(`h${index}`, bytes)),
          allocatable,
        );
        const going = candidates.filter(({ name }) => started.includes(name));
        const taken = going.reduce((total, { chargeBytes }) => total + chargeBytes, 0);
        assert(going.length === 0 || held.reduce((total, bytes) => total + bytes, taken) <= allocatable);
        assert(going.filter(({ projected }) => projected).length <= 1);
        assert.equal(waiting.size + refused.size + going.length, candidates.length);
      }),
    );
  });
});

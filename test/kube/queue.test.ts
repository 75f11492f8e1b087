import assert from "node:assert/strict";
import { keyedQueue, type Outcome } from "../../kube/queue.ts";
import { fakeClock, settle } from "./support/fake-clock.ts";

const DONE: Outcome = { ok: true };
const FAILED: Outcome = { ok: false, error: "it failed" };

describe("kube: keyed queue", () => {
  const ended = new AbortController();
  after(() => ended.abort());

  /** A queue whose work ends when the test says so. */
  function underHand(workers = 2) {
    const clock = fakeClock();
    const begun: string[] = [];
    const ends = new Map<string, (outcome: Outcome | Error) => void>();
    const failures: string[] = [];
    const queue = keyedQueue({
      workers,
      clock,
      random: () => 1,
      backOff: { firstMs: 1000, longestMs: 8000 },
      failed: (key, error, inARow) => failures.push(`${key} ${inARow} ${error}`),
      handle: (key) => {
        begun.push(key);
        const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
        ends.set(key, (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
        return promise;
      },
    });
    const end = async (key: string, outcome: Outcome | Error = DONE) => {
      const settleKey = ends.get(key);
      assert(settleKey !== undefined, `${key} is not worked on`);
      ends.delete(key);
      settleKey(outcome);
      await settle();
    };
    return { clock, queue, begun, end, failures };
  }

  it("works once on a key that was added many times", async () => {
    const { queue, begun, end } = underHand();
    for (let i = 0; i < 5; i += 1) queue.add("a");
    const run = queue.run(ended.signal);
    assert.deepEqual(begun, ["a"]);
    await end("a");
    assert.deepEqual(begun, ["a"]);
    assert.deepEqual(queue.counts(), { waiting: 0, working: 0, delayed: 0 });
    assert(run instanceof Promise);
  });

  it("works again, and not at the same time, on a key that is added during its work", async () => {
    const { queue, begun, end } = underHand();
    queue.run(ended.signal).catch(assert.fail);
    queue.add("a");
    queue.add("a");
    queue.add("a");
    await settle();
    assert.deepEqual(begun, ["a"]);
    await end("a");
    assert.deepEqual(begun, ["a", "a"]);
    await end("a");
    assert.deepEqual(begun, ["a", "a"]);
  });

  it("has no more work under way than workers, and keeps the order", async () => {
    const { queue, begun, end } = underHand(2);
    queue.run(ended.signal).catch(assert.fail);
    for (const key of ["a", "b", "c", "d"]) queue.add(key);
    assert.deepEqual(begun, ["a", "b"]);
    await end("b");
    assert.deepEqual(begun, ["a", "b", "c"]);
    await end("a");
    assert.deepEqual(begun, ["a", "b", "c", "d"]);
  });

  it("comes back to a failed key after waits that double, up to the longest, and forgets at a success", async () => {
    const { clock, queue, begun, end, failures } = underHand();
    queue.run(ended.signal).catch(assert.fail);
    queue.add("a");
    for (const wait of [1000, 2000, 4000, 8000, 8000]) {
      await end("a", FAILED);
      const before = begun.length;
      await clock.advance(wait - 1);
      assert.equal(begun.length, before, `not before ${wait} ms`);
      await clock.advance(1);
      assert.equal(begun.length, before + 1, `after ${wait} ms`);
    }
    await end("a");
    queue.add("a");
    await end("a", FAILED);
    assert.deepEqual(clock.pending(), [1000]);
    assert.deepEqual(failures.at(-1), "a 1 it failed");
  });

  it("spreads the wait after a failure from nothing to its whole length", async () => {
    const waits: number[] = [];
    for (const random of [0, 0.25, 1]) {
      const clock = fakeClock();
      const handle = async () => FAILED;
      const queue = keyedQueue({
        workers: 1,
        clock,
        random: () => random,
        backOff: { firstMs: 1000, longestMs: 8000 },
        handle,
      });
      const end = new AbortController();
      queue.run(end.signal).catch(assert.fail);
      queue.add("a");
      await settle();
      waits.push(clock.pending()[0] ?? -1);
      end.abort();
    }
    assert.deepEqual(waits, [0, 250, 1000]);
  });

  it("waits at least as long as a server asks for", async () => {
    const { clock, queue, end } = underHand();
    queue.run(ended.signal).catch(assert.fail);
    queue.add("a");
    await end("a", { ...FAILED, retryAfterMs: 30_000 });
    assert.deepEqual(clock.pending(), [31_000]);
  });

  it("counts what work throws as a failure", async () => {
    const { clock, queue, end, failures } = underHand();
    queue.run(ended.signal).catch(assert.fail);
    queue.add("a");
    await end("a", new Error("it was thrown"));
    assert.deepEqual(failures, ["a 1 it was thrown"]);
    assert.deepEqual(clock.pending(), [1000]);
  });

  it("keeps the earlier of two times for a key", async () => {
    const { clock, queue, begun } = underHand();
    queue.run(ended.signal).catch(assert.fail);
    queue.addAfter("a", 5000);
    queue.addAfter("a", 9000);
    queue.addAfter("a", 2000);
    assert.deepEqual(clock.pending(), [2000]);
    await clock.advance(2000);
    assert.deepEqual(begun, ["a"]);
    assert.deepEqual(clock.pending(), []);
  });

  it("comes back after the time that a success asks for", async () => {
    const { clock, queue, begun, end } = underHand();
    queue.run(ended.signal).catch(assert.fail);
    queue.add("a");
    await end("a", { ok: true, againAfterMs: 60_000 });
    await clock.advance(60_000);
    assert.deepEqual(begun, ["a", "a"]);
  });

  it("begins nothing after its end, and ends when what was begun has", async () => {
    const { clock, queue, begun, end } = underHand(1);
    const stopping = new AbortController();
    const run = queue.run(stopping.signal).then(() => "ended");
    queue.add("a");
    queue.add("b");
    queue.addAfter("c", 1000);
    stopping.abort();
    assert.equal(await Promise.race([run, settle()]), undefined);
    await end("a", FAILED);
    assert.equal(await run, "ended");
    assert.deepEqual(begun, ["a"]);
    assert.deepEqual(clock.pending(), []);
  });
});

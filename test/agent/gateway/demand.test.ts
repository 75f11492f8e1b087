import assert from "node:assert/strict";
import { NO_DEMAND } from "../../../agent/decisions/demand.ts";
import { demandBook } from "../../../agent/gateway/demand.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";

const CHAT = workloadId("default/chat");
const EMBED = workloadId("default/embed");

/** A book whose clock the test sets, and that counts how often the supervisor is asked to look. */
function opened() {
  const seen = { now: 1000, asked: 0 };
  const book = demandBook(
    () => seen.now,
    () => {
      seen.asked += 1;
    },
  );
  return { seen, book };
}

describe("the book of demands", () => {
  it("knows nothing of a model before a request for it", () => {
    assert.deepEqual(opened().book.demandOf(CHAT), NO_DEMAND);
  });

  it("counts the requests that wait, since the oldest that is left, and asks for each", () => {
    const { seen, book } = opened();
    const first = book.wait(CHAT);
    seen.now = 2000;
    const second = book.wait(CHAT);
    assert.deepEqual(book.demandOf(CHAT), { waiting: 2, waitingSince: 1000, inFlight: 0, lastUsedAt: 2000 });
    assert.equal(seen.asked, 2);
    first.release();
    assert.deepEqual(book.demandOf(CHAT), { waiting: 1, waitingSince: 2000, inFlight: 0, lastUsedAt: 2000 });
    second.release();
    assert.deepEqual(book.demandOf(CHAT), { waiting: 0, waitingSince: undefined, inFlight: 0, lastUsedAt: 2000 });
  });

  it("knows when somebody was there last whose conversation is not to be saved", () => {
    const { seen, book } = opened();
    book.use(CHAT).release();
    assert.equal(book.demandOf(CHAT).privateAt, undefined);
    seen.now = 3000;
    book.keepPrivate(CHAT);
    seen.now = 4000;
    book.use(CHAT).release();
    assert.equal(book.demandOf(CHAT).privateAt, 3000);
    assert.equal(book.demandOf(EMBED).privateAt, undefined);
  });

  it("counts the requests in flight, and asks when the last has ended", () => {
    const { seen, book } = opened();
    const first = book.use(CHAT);
    const second = book.use(CHAT);
    seen.now = 5000;
    first.release();
    assert.deepEqual(book.demandOf(CHAT), { waiting: 0, waitingSince: undefined, inFlight: 1, lastUsedAt: 5000 });
    assert.equal(seen.asked, 0);
    seen.now = 6000;
    second.release();
    assert.deepEqual(book.demandOf(CHAT), { waiting: 0, waitingSince: undefined, inFlight: 0, lastUsedAt: 6000 });
    assert.equal(seen.asked, 1);
  });

  it("takes a second release of the same hold for nothing", () => {
    const { seen, book } = opened();
    const hold = book.use(CHAT);
    const other = book.use(CHAT);
    hold.release();
    seen.now = 9000;
    hold.release();
    assert.deepEqual(book.demandOf(CHAT), { waiting: 0, waitingSince: undefined, inFlight: 1, lastUsedAt: 1000 });
    other.release();
    other.release();
    assert.equal(book.demandOf(CHAT).inFlight, 0);
    const waits = book.wait(CHAT);
    waits.release();
    waits.release();
    assert.equal(book.demandOf(CHAT).waiting, 0);
  });

  it("keeps the models apart", () => {
    const { book } = opened();
    book.wait(CHAT);
    book.use(EMBED);
    assert.deepEqual([book.demandOf(CHAT).waiting, book.demandOf(CHAT).inFlight], [1, 0]);
    assert.deepEqual([book.demandOf(EMBED).waiting, book.demandOf(EMBED).inFlight], [0, 1]);
  });

  it("forgets what is not wanted any more once it has no request", () => {
    const { book } = opened();
    const waits = book.wait(CHAT);
    const used = book.use(EMBED);
    book.keepOnly(new Set());
    assert.deepEqual([book.demandOf(CHAT).waiting, book.demandOf(EMBED).inFlight], [1, 1]);
    waits.release();
    used.release();
    book.keepOnly(new Set([EMBED]));
    assert.deepEqual(book.demandOf(CHAT), NO_DEMAND);
    assert.equal(book.demandOf(EMBED).lastUsedAt, 1000);
  });
});

import assert from "node:assert/strict";
import { demandBook } from "../../../agent/gateway/demand.ts";
import { recordsFolder } from "../../../agent/state/layout.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { readRecords } from "../../../agent/supervisor/records.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { MINUTE, stage } from "../stage.ts";
import { thisPlatform } from "../this-platform.ts";

const NAME = "default/chat";
const IDLE_MS = 10 * MINUTE;

describe("the idle time of a server that another agent follows with", function () {
  this.timeout(60_000);
  const { open, want, tick, of, until, inState, clock } = stage();
  const gatewayOf = (book = demandBook(clock, () => {})) => ({ demandOf: book.demandOf, idleUnloadMs: IDLE_MS });
  const adoptFrom = async (stateDirectory: string) => {
    const platform = await thisPlatform();
    assert(platform.ok);
    const log = { info: () => {}, warn: () => {} };
    return adoptAll({ stateDirectory, platform: platform.value, background, log, ended: () => {} });
  };
  /** A model that was woken, and answered one request. */
  const used = async (stateDirectory: string) => {
    const book = demandBook(clock, () => {});
    await open("well", { stateDirectory, gateway: gatewayOf(book) });
    const { id } = await want(NAME);
    const wait = book.wait(id);
    await until(NAME, inState("Ready"));
    book.use(id).release();
    wait.release();
    await tick();
    return { book, id };
  };
  const noted = (stateDirectory: string) => readRecords(recordsFolder(stateDirectory))[0]?.record?.served?.usedAt;

  it("goes on from its last use", async () => {
    const stateDirectory = await temporaryDirectory();
    await used(stateDirectory);
    const found = await adoptFrom(stateDirectory);
    // As if that agent had ended nine minutes ago.
    const usedAt = new Date(Date.now() - 9 * MINUTE).toISOString();
    const adopted = found.map((one) => ({ ...one, served: { ...one.served, usedAt } }));
    await open("well", { stateDirectory, adopted, gateway: gatewayOf() });
    await tick(MINUTE / 2);
    assert.equal(of(NAME)?.state, "Ready");
    await tick(MINUTE);
    assert.equal((await until(NAME, inState("Sleeping"))).lastExit?.reason, "Idle");
  });

  it("begins anew where no use was noted", async () => {
    const stateDirectory = await temporaryDirectory();
    await used(stateDirectory);
    const adopted = (await adoptFrom(stateDirectory)).map((one) => {
      const { usedAt: _none, ...served } = one.served;
      return { ...one, served };
    });
    await open("well", { stateDirectory, adopted, gateway: gatewayOf() });
    await tick(IDLE_MS - 1000);
    assert.equal(of(NAME)?.state, "Ready");
  });

  it("is noted on the disk at the first use, and once a minute at most", async () => {
    const stateDirectory = await temporaryDirectory();
    const { book, id } = await used(stateDirectory);
    const first = noted(stateDirectory);
    assert.ok(first !== undefined && Math.abs(Date.now() - Date.parse(first)) < MINUTE, first);
    for (let uses = 0; uses < 5; uses += 1) {
      book.use(id).release();
      await tick(1000);
    }
    assert.equal(noted(stateDirectory), first);
  });
});

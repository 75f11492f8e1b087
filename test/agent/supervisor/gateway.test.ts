import assert from "node:assert/strict";
import { NO_DEMAND } from "../../../agent/decisions/demand.ts";
import { type DemandBook, demandBook } from "../../../agent/gateway/demand.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import type { GatewayDemand } from "../../../agent/supervisor/options.ts";
import type { Supervisor } from "../../../agent/supervisor/supervisor.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { alone, background } from "../samples.ts";
import { MIB, MINUTE, stage } from "../stage.ts";
import { thisPlatform } from "../this-platform.ts";

const NAME = "default/chat";
const OTHER = "default/embed";
const IDLE_MS = 5 * MINUTE;

describe("models behind a gateway, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { machine, open, want, wanted, unwant, change, tick, of, until, inState, clock } = stage();
  /** A supervisor, and the book in which the test plays the gateway. */
  const opened = async (part: Partial<GatewayDemand> = {}, heldByOthers = 0) => {
    const book = demandBook(clock, () => {});
    const others = () => [{ key: "other", label: "another agent", bytes: heldByOthers }];
    const gateway = { demandOf: book.demandOf, idleUnloadMs: IDLE_MS, ...part };
    const claims = heldByOthers === 0 ? alone : { ...alone, others };
    return { book, processes: await open("well", { gateway, claims }) };
  };
  const addressOf = (processes: Supervisor, name = NAME) =>
    processes.serving().find(({ workload }) => workload.name === name)?.address;
  /** Has a request wait for the model until it is Ready. */
  const woken = async (book: DemandBook, { id, name }: Pick<Workload, "id" | "name">) => {
    const hold = book.wait(id);
    const ready = await until(name, inState("Ready"));
    hold.release();
    return ready;
  };

  it("one with an idle time sleeps until it is asked for", async () => {
    const { book, processes } = await opened();
    const workload = await want(NAME);
    for (let ticks = 0; ticks < 5; ticks += 1) await tick();
    const { state, reason, phase, wakes, restarts, pid } = of(NAME) ?? {};
    assert.deepEqual([state, reason, phase, wakes, restarts, pid], ["Sleeping", "Unasked", "Stopped", 0, 0, undefined]);
    assert.equal(addressOf(processes), undefined);

    const ready = await woken(book, workload);
    assert.deepEqual([ready.wakes, ready.restarts, ready.demand?.waiting], [1, 0, 1]);
    assert.equal(addressOf(processes)?.port, workload.fields.port);
  });

  it("one without an idle time, or that says never, is loaded without a request", async () => {
    await opened({ idleUnloadMs: undefined });
    const onDemand = { idleUnloadMs: "never" as const, aliases: [], promptCache: "off" as const };
    await want(NAME, { onDemand });
    await want(OTHER);
    await until(NAME, inState("Ready"));
    assert.equal((await until(OTHER, inState("Ready"))).wakes, 0);
  });

  it("unloads after its idle time, takes nothing new from then on, and wakes again, which is no restart", async () => {
    const { book, processes } = await opened();
    const workload = await want(NAME);
    const { pid } = await woken(book, workload);
    await tick(IDLE_MS - 5000);
    assert.equal(of(NAME)?.state, "Ready");
    assert.ok(addressOf(processes) !== undefined);
    assert.deepEqual(processes.unloads(), []);

    await tick(6000);
    // The tick that decides the stop.
    assert.equal(addressOf(processes), undefined);
    const [unload, ...more] = processes.unloads();
    assert.deepEqual(more, []);
    assert.deepEqual([unload?.name, unload?.reason, unload?.madeRoomFor], [NAME, "Idle", undefined]);
    assert.equal(unload?.message, "no request in 300 s; a request loads it again");
    const asleep = await until(NAME, inState("Sleeping"));
    assert.deepEqual([asleep.pid, asleep.restarts, asleep.lastExit?.reason], [undefined, 0, "Idle"]);

    const again = await woken(book, workload);
    assert.deepEqual([again.wakes, again.restarts], [2, 0]);
    assert.notEqual(again.pid, pid);
    assert.equal(processes.unloads().length, 1);
  });

  it("does not unload while a request is in flight, and counts its idle time from the end", async () => {
    const { book, processes } = await opened();
    const workload = await want(NAME);
    await woken(book, workload);
    const flight = book.use(workload.id);
    await tick(3 * IDLE_MS);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.demand?.inFlight], ["Ready", 1]);
    flight.release();
    await tick(IDLE_MS - 1000);
    assert.equal(of(NAME)?.state, "Ready");
    await tick(1000);
    assert.equal(addressOf(processes), undefined);
    await until(NAME, inState("Sleeping"));
  });

  it("a restart for other settings is a restart still", async () => {
    const { book } = await opened();
    const workload = await want(NAME);
    const { pid } = await woken(book, workload);
    const hold = book.use(workload.id);
    change(workload, { specHash: "changed" });
    await until(NAME, (status) => status.state !== "Ready");
    hold.release();
    const waits = book.wait(workload.id);
    const again = await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    waits.release();
    assert.equal(again.restarts, 1);
  });

  it("keeps the count of its restarts while it sleeps", async () => {
    const { book } = await opened();
    const workload = await want(NAME);
    const { pid } = await woken(book, workload);
    change(workload, { specHash: "changed" });
    const waits = book.wait(workload.id);
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    waits.release();
    assert.equal(of(NAME)?.restarts, 1);
    await tick(IDLE_MS + 1000);
    assert.equal((await until(NAME, inState("Sleeping"))).restarts, 1);
    assert.equal((await woken(book, workload)).restarts, 1);
  });

  it("is served on while its manifest cannot be read, and until it is certain that nothing asks for it", async () => {
    const { book, processes } = await opened();
    const workload = await want(NAME);
    const { pid } = await woken(book, workload);
    wanted.set(workload.id, { kind: "unknown", name: NAME, message: "its manifest is half written" });
    await tick();
    assert.deepEqual([of(NAME)?.state, of(NAME)?.pid], ["Ready", pid]);
    assert.equal(addressOf(processes)?.port, workload.fields.port);
    unwant(NAME);
    await tick();
    assert.deepEqual(processes.serving(), []);
  });

  it("is served on, too, by an agent that has not read its manifest, though an agent without gateways started it", async () => {
    const stateDirectory = await temporaryDirectory();
    const platform = await thisPlatform();
    assert(platform.ok);
    await open("well", { stateDirectory });
    const { id } = await want(NAME);
    await until(NAME, inState("Ready"));
    unwant(NAME);
    machine.synced = false;
    const log = { info: () => {}, warn: () => {} };
    const found = await adoptAll({ stateDirectory, platform: platform.value, log, background, ended: () => {} });
    const adopted = found.map((one) => {
      const { onDemand: _none, ...workload } = one.served.workload;
      return { ...one, served: { ...one.served, workload: workload as Workload } };
    });
    const gateway = { demandOf: () => NO_DEMAND, idleUnloadMs: IDLE_MS };
    const processes = await open("well", { stateDirectory, adopted, gateway });
    await tick(2 * IDLE_MS);
    const [serving] = processes.serving();
    assert.deepEqual([serving?.workload.id, serving?.workload.onDemand.aliases], [id, []]);
    assert.ok(serving?.address !== undefined);
  });

  it("one makes room for another, and says for which", async () => {
    const { book: measure } = await opened();
    const { estimateBytes = 0 } = await woken(measure, await want(NAME));
    const { book, processes } = await opened({}, 1024 * MIB - 1.5 * Math.max(estimateBytes, 150 * MIB));
    const [first, second] = [await want(NAME), await want(OTHER)];
    await woken(book, first);
    await tick(10_000);
    const ready = await woken(book, second);
    assert.equal(ready.wakes, 1);
    assert.equal(of(NAME)?.state, "Sleeping");
    const [unload] = processes.unloads();
    assert.deepEqual([unload?.name, unload?.reason, unload?.madeRoomFor], [NAME, "MadeRoom", OTHER]);
    assert.equal(addressOf(processes, NAME), undefined);
    assert.equal(addressOf(processes, OTHER)?.port, second.fields.port);
  });
});

describe("models without a gateway, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { open, want, tick, of, until, inState } = stage();

  it("never sleep, whatever idle time they say, and have no demand", async () => {
    const processes = await open("well");
    await want(NAME, { onDemand: { idleUnloadMs: MINUTE, aliases: [], promptCache: "off" } });
    await until(NAME, inState("Ready"));
    await tick(10 * MINUTE);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.demand, of(NAME)?.wakes], ["Ready", undefined, undefined]);
    assert.deepEqual(processes.unloads(), []);
  });
});

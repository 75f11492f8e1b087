import assert from "node:assert/strict";
import type { Holding } from "../../../agent/claims/holding.ts";
import { REMOVAL_DRAIN_MS, RESTART_DRAIN_MS } from "../../../agent/decisions/drain.ts";
import { demandBook } from "../../../agent/gateway/demand.ts";
import { alone } from "../samples.ts";
import { MIB, MINUTE, stage } from "../stage.ts";

const NAME = "default/chat";

describe("a server with requests in flight through the gateway, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { machine, open, want, wanted, unwant, change, tick, of, until, inState, clock } = stage();
  const claimed: Holding[] = [];
  /** A model that is Ready, and has one request in flight. */
  const busy = async () => {
    const book = demandBook(clock, () => {});
    const gateway = { demandOf: book.demandOf, idleUnloadMs: undefined };
    const claims = { ...alone, hold: (holding: Holding) => claimed.push(holding) };
    const processes = await open("well", { gateway, claims });
    const workload = await want(NAME);
    const { pid } = await until(NAME, inState("Ready"));
    const flight = book.use(workload.id);
    const address = () => processes.serving().find(({ workload: one }) => one.name === NAME)?.address;
    /** State, reason, and whether it is the same process. */
    const now = () => [of(NAME)?.state, of(NAME)?.reason, of(NAME)?.pid === pid];
    return { book, processes, workload, pid, flight, address, now };
  };

  it("restarts for other settings once they have ended, and takes no new ones until then", async () => {
    const { workload, pid, flight, address, now, processes } = await busy();
    assert.ok(address() !== undefined);
    change(workload, { specHash: "changed" });
    for (const later of [1000, RESTART_DRAIN_MS / 2]) {
      await tick(later);
      assert.deepEqual(now(), ["Draining", "SpecChanged", true]);
      // Requests that come now wait for the server that comes next.
      assert.deepEqual([processes.serving().length, address()], [1, undefined]);
    }
    assert.match(
      of(NAME)?.message ?? "",
      /restarts with the new ones; it waits for one request in flight, \d+ s at most/,
    );
    flight.release();
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    assert.deepEqual([of(NAME)?.restarts, address()?.port], [1, workload.fields.port]);
  });

  it("restarts for other settings though they do not end", async () => {
    const { workload, pid, now, flight } = await busy();
    change(workload, { specHash: "changed" });
    await tick();
    await tick(RESTART_DRAIN_MS - 1000);
    assert.deepEqual(now(), ["Draining", "SpecChanged", true]);
    await tick(1000);
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    flight.release();
  });

  it("goes on, and takes new ones, where the change is taken back", async () => {
    const { workload, now, address, flight } = await busy();
    change(workload, { specHash: "changed" });
    await tick();
    assert.equal(address(), undefined);
    change(workload, {});
    await tick();
    assert.deepEqual(now(), ["Ready", undefined, true]);
    assert.ok(address() !== undefined);
    // The next change has the whole time again.
    change(workload, { specHash: "changed" });
    await tick(RESTART_DRAIN_MS);
    await tick(RESTART_DRAIN_MS - 1000);
    assert.deepEqual(now(), ["Draining", "SpecChanged", true]);
    flight.release();
  });

  it("is gone from the models at once when it is deleted, and ends once they have, or after a moment", async () => {
    for (const ends of [true, false]) {
      const { processes, flight, now } = await busy();
      unwant(NAME);
      await tick();
      assert.deepEqual(now(), ["Draining", "Removed", true]);
      assert.deepEqual(processes.serving(), []);
      if (ends) flight.release();
      else await tick(REMOVAL_DRAIN_MS);
      for (let ticks = 0; ticks < 100 && of(NAME) !== undefined; ticks += 1) {
        await tick(50);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.equal(of(NAME), undefined);
    }
  });

  it("does not outlast its grace period where whoever stops it gives it one", async () => {
    const { workload, now } = await busy();
    wanted.set(workload.id, { kind: "stopped", name: NAME, message: "its pod is deleted", gracePeriodMs: 2000 });
    await tick();
    assert.deepEqual(now(), ["Draining", "Stopped", true]);
    assert.match(of(NAME)?.message ?? "", /, 2 s at most$/);
    await tick(2000);
    await until(NAME, inState("Stopped"));
  });

  it("has for its end what the wait has left of that grace period, and 2 s at least", async () => {
    for (const [grace, left] of [
      [14_000, 4000],
      [11_000, 2000],
      [1000, 1000],
    ] as const) {
      const { workload, processes } = await busy();
      const stopped = { kind: "stopped", name: NAME, message: "its pod is deleted", gracePeriodMs: grace } as const;
      wanted.set(workload.id, stopped);
      await tick();
      await tick(Math.min(grace, REMOVAL_DRAIN_MS));
      const running = processes.dump()[0]?.["running"];
      assert.partialDeepStrictEqual(running, { phase: "stopping", stop: { gracePeriodMs: left } });
      await until(NAME, inState("Stopped"));
    }
  });

  it("does not wait for them where it holds more than a budget that was lowered with its settings", async () => {
    const { workload, pid } = await busy();
    machine.footprint = () => 450 * MIB;
    await tick();
    change(workload, { specHash: "changed", budget: { bytes: 400 * MIB, source: "crd-budget" } });
    await tick();
    assert.match(of(NAME)?.message ?? "", /restarts with the new ones$/);
    machine.footprint = () => 150 * MIB;
    const next = await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    // It is a change of settings, and no breach: nothing backs off.
    assert.equal(next.lastExit?.reason, "SpecChanged");
  });

  it("does not wait for them where it grows beyond its budget meanwhile", async () => {
    const { workload } = await busy();
    change(workload, { specHash: "changed" });
    await tick();
    machine.footprint = () => 600 * MIB;
    const over = await until(NAME, ({ reason }) => reason === "BudgetExceeded");
    assert.ok(["Draining", "BackOff"].includes(over.state), over.state);
    machine.footprint = () => 150 * MIB;
  });

  it("does not wait for them while the machine is critically short of memory", async () => {
    const { workload, pid } = await busy();
    machine.pressure = "critical";
    await tick();
    await tick();
    change(workload, { specHash: "changed" });
    await tick();
    assert.match(of(NAME)?.message ?? "", /restarts with the new ones$/);
    machine.pressure = "normal";
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
  });

  it("restarts for other settings at once where there is none, and where there is no gateway", async () => {
    const { workload, pid, flight } = await busy();
    flight.release();
    change(workload, { specHash: "changed" });
    await tick();
    assert.match(of(NAME)?.message ?? "", /restarts with the new ones$/);
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    await tick(MINUTE);
  });

  it("unloads no other model for one that waits, where its own deletion makes the room", async () => {
    const { book, processes, flight } = await busy();
    await want("default/idle");
    const asked = await want("default/asked");
    wanted.delete(asked.id);
    await until("default/idle", inState("Ready"));
    machine.footprint = () => 400 * MIB;
    await tick(MINUTE);
    unwant(NAME);
    wanted.set(asked.id, { kind: "run", workload: asked });
    const waits = book.wait(asked.id);
    for (let ticks = 0; ticks < 3; ticks += 1) await tick(1000);
    assert.deepEqual([of("default/idle")?.state, processes.unloads()], ["Ready", []]);
    flight.release();
    waits.release();
  });

  it("counts as large as its own settings make it while smaller ones are wanted", async () => {
    const { workload, flight } = await busy();
    const { estimateBytes = 0 } = of(NAME) ?? {};
    const settings = { ...workload.fields.settings, contextSize: 256 };
    change(workload, { specHash: "changed", fields: { ...workload.fields, settings } });
    await tick();
    await tick();
    assert.ok((of(NAME)?.estimateBytes ?? 0) < estimateBytes);
    assert.equal(claimed.at(-1)?.servers[0]?.chargeBytes, estimateBytes);
    flight.release();
  });
});

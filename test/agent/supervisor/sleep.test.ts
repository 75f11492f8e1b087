import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { awakeClock } from "../../../agent/lifecycle/awake-clock.ts";
import { DEFAULT_GRACE_PERIOD_MS } from "../../../agent/workload/workload.ts";
import { MIB, MINUTE, stage } from "../stage.ts";

const NAME = "default/chat";
const NIGHT_MS = 8 * 60 * MINUTE;

describe("deadlines over a night's sleep, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { machine, open, want, change, tick, of, until, inState } = stage();
  const awake = { clockFrom: awakeClock };
  /** Ticks of a second each, with a little time for the processes. */
  const seconds = async (count: number) => {
    for (let ticks = 0; ticks < count; ticks += 1) {
      await tick(1000);
      await sleep(5);
    }
  };

  it("a grace period: a server that ends its answers when the lid closes is not killed at the wake", async () => {
    await open("ignores-sigterm", awake);
    const workload = await want(NAME);
    const { pid } = await until(NAME, inState("Ready"));
    change(workload, { specHash: "changed" });
    await seconds(3);
    assert.equal(of(NAME)?.state, "Draining");
    await tick(NIGHT_MS);
    await seconds(DEFAULT_GRACE_PERIOD_MS / 1000 - 5);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.pid], ["Draining", pid]);
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
  });

  it("a back-off: what was left of it at night is left in the morning", async () => {
    await open("well", awake);
    await want(NAME);
    await until(NAME, inState("Ready"));
    machine.footprint = () => 600 * MIB;
    await until(NAME, inState("BackOff"));
    machine.footprint = () => 150 * MIB;
    await seconds(20);
    await tick(NIGHT_MS);
    await seconds(30);
    assert.equal(of(NAME)?.state, "BackOff");
    await seconds(15);
    await until(NAME, inState("Ready"));
  });

  it("breaches within an hour: three of them with nights between them are three", async () => {
    await open("well", awake);
    await want(NAME);
    for (let breaches = 0; breaches < 3; breaches += 1) {
      await until(NAME, inState("Ready"));
      machine.footprint = () => 600 * MIB;
      await until(NAME, ({ state }) => state === "BackOff" || state === "Failed");
      machine.footprint = () => 150 * MIB;
      await tick(NIGHT_MS);
    }
    assert.match(of(NAME)?.message ?? "", /third breach within an hour/);
  });

  it("failures in a row: a night asleep is no time without a failure", async () => {
    await open("gpu-fault", awake);
    await want(NAME);
    for (const wait of [1, 2, 4]) {
      const pid = (await until(NAME, inState("Ready"))).pid;
      await tick(NIGHT_MS);
      const down = await until(NAME, inState("BackOff"));
      assert.match(down.message ?? "", new RegExp(`next try in ${wait} s$`));
      await until(NAME, (status) => status.pid !== undefined && status.pid !== pid);
    }
  });

  it("a cooldown after an eviction does not run while nobody can see that the pressure is normal", async () => {
    await open("well", awake);
    await want(NAME, { priority: 1 });
    await want("default/more", { priority: 2 });
    await until(NAME, inState("Ready"));
    await until("default/more", inState("Ready"));
    machine.pressure = "critical";
    await until(NAME, (status) => status.reason === "Evicted" && status.state === "Waiting");
    machine.pressure = "normal";
    await seconds(5);
    await tick(NIGHT_MS);
    await seconds(10);
    assert.equal(of(NAME)?.state, "Waiting");
    await seconds(20);
    await until(NAME, inState("Ready"));
  });

  it("health checks: a server that does not answer around a sleep is given its three checks", async () => {
    await open("hangs", awake);
    await want(NAME);
    const { pid } = await until(NAME, inState("Ready"));
    for (const hours of [1, 2]) {
      await tick(hours * 60 * MINUTE);
      await sleep(100);
    }
    await tick(1000);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.pid], ["Ready", pid]);
  });
});

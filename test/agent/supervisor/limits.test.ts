import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { kernelLimitBytes } from "../../../agent/kernel-limit/kernel-limit.ts";
import { openKernelLimit } from "../../../agent/kernel-limit/open.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { MIB, stage } from "../stage.ts";
import type { Behaviour } from "../stand-in.ts";

describe("the supervisor at the limits of its machine", function () {
  this.timeout(60_000);
  const { machine, open, want, change, tick, of, until, inState } = stage();

  describe("when the machine is short of memory", () => {
    const both = async (behaviour: Behaviour) => {
      await open(behaviour);
      await want("default/chat", { priority: 3 });
      await want("default/batch", { priority: 0 });
      await until("default/chat", inState("Ready"));
      await until("default/batch", inState("Ready"));
    };
    const gone = (name: string) => () => of(name)?.pid === undefined;

    it("LLMKube trap T1: evicts the lower priority, and restarts it once the pressure has been normal for a while", async () => {
      await both("well");
      machine.pressure = "critical";
      await until("default/batch", gone("default/batch"));
      assert.equal(of("default/batch")?.reason, "Evicted");
      assert.equal(of("default/batch")?.schedulingStatus, "Evicted");
      assert.equal(of("default/chat")?.state, "Ready");
      for (let ticks = 0; ticks < 60; ticks += 1) await tick();
      assert.deepEqual([of("default/batch")?.state, of("default/chat")?.state], ["Waiting", "Ready"]);
      machine.pressure = "normal";
      for (let ticks = 0; ticks < 29; ticks += 1) await tick();
      assert.match(of("default/batch")?.message ?? "", /restarts in \d+ s if memory pressure stays normal/);
      await until("default/batch", inState("Ready"));
    });

    it("LLMKube trap T7: does not count the SIGKILL of an evicted server as a failure, and does not restart it under pressure", async () => {
      await both("ignores-sigterm");
      machine.pressure = "critical";
      await until("default/batch", gone("default/batch"));
      assert.deepEqual([of("default/batch")?.state, of("default/batch")?.reason], ["Waiting", "Evicted"]);
      assert.equal(of("default/batch")?.restarts, 0);
    });

    it("never evicts a protected workload, and starts nothing new", async () => {
      await open("well");
      await want("default/chat", { evictionProtection: true });
      await until("default/chat", inState("Ready"));
      machine.pressure = "critical";
      await want("default/batch");
      for (let ticks = 0; ticks < 5; ticks += 1) await tick();
      assert.deepEqual([of("default/chat")?.state, of("default/batch")?.state], ["Ready", "Waiting"]);
      assert.match(of("default/batch")?.message ?? "", /critically short of memory/);
    });

    it("LLMKube trap T8: neither evicts nor starts anything while the pressure cannot be read", async () => {
      await both("well");
      machine.pressure = null;
      await want("default/new");
      for (let ticks = 0; ticks < 5; ticks += 1) await tick();
      assert.deepEqual([of("default/chat")?.state, of("default/batch")?.state], ["Ready", "Ready"]);
      assert.match(of("default/new")?.message ?? "", /can be read again/);
    });
  });

  it("restarts a server that no longer answers, once the old process is gone", async () => {
    await open("turns-unhealthy");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    for (let ticks = 0; ticks < 25; ticks += 1) await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    const draining = await until("default/chat", inState("Draining"));
    assert.equal(draining.reason, "Unhealthy");
    const down = await until("default/chat", inState("BackOff"));
    assert.match(down.message ?? "", /^it neither answered nor did any work in 3 health checks in a row/);
    await until("default/chat", (status) => status.state === "Ready" && status.pid !== pid);
  });

  it("leaves alone a server that is too busy to answer, as long as it works", async () => {
    await open("busy");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    for (let ticks = 0; ticks < 120; ticks += 1) {
      await tick();
      await sleep(30);
    }
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
  });

  describe("with the kernel's limit behind it", () => {
    it("says that the kernel killed a server at its limit, and counts it as a breach", async function () {
      const opened = await openKernelLimit(await temporaryDirectory());
      machine.kernelLimit = opened.limit;
      if (machine.kernelLimit === undefined) {
        console.log(`      skipped: ${opened.text}`);
        return this.skip();
      }
      await open("grows-640");
      await want("default/chat");
      const down = await until("default/chat", inState("BackOff"));
      assert.equal(down.reason, "BudgetExceeded");
      const { kind } = machine.kernelLimit;
      // A cgroup keeps a record of whom it killed.
      const killed = kind.startsWith("cgroup") ? "killed by" : "killed (SIGKILL), most likely by";
      const expected = `${killed} the kernel at its limit of 544.0 MiB (${kind}), just above the budget 512.0 MiB (absolute from CRD)`;
      assert.equal(down.message?.slice(0, expected.length), expected);
      machine.kernelLimit.close();
    });

    it("adjusts the limit to the budget, never below what the process holds", async () => {
      const moves: number[] = [];
      const ignore = () => {};
      machine.kernelLimit = {
        ...{ kind: "recorded", wrap: (command) => command, enclose: ignore, release: ignore, close: ignore },
        breached: () => false,
        move: (_, limitBytes) => moves.push(limitBytes) > 0,
      };
      await open("well");
      const workload = await want("default/chat");
      await until("default/chat", inState("Ready"));
      for (const mebibytes of [700, 200, 80]) {
        change(workload, { budget: { bytes: mebibytes * MIB, source: "crd-budget" } });
        await tick();
        await tick();
      }
      assert.deepEqual(moves, [kernelLimitBytes(700 * MIB), kernelLimitBytes(200 * MIB)]);
    });
  });
});

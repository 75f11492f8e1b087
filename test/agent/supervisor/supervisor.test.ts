import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { START_TIMEOUT_MS } from "../../../agent/decisions/decide.ts";
import { awakeClock } from "../../../agent/lifecycle/awake-clock.ts";
import { isPortFree } from "../../../agent/llama-server/probe.ts";
import { DEFAULT_GRACE_PERIOD_MS } from "../../../agent/workload/workload.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { MIB, MINUTE, stage } from "../stage.ts";

describe("the supervisor with stand-ins for llama-server and a fake clock", function () {
  this.timeout(60_000);
  const { machine, unwant, open, want, change, tick, of, until, inState } = stage();

  it("backs off longer after each breach, and after the third within an hour does not restart until something changes", async () => {
    await open("well");
    const workload = await want("default/chat");
    for (const wait of [1, 2]) {
      machine.footprint = () => 150 * MIB;
      await until("default/chat", inState("Ready"));
      machine.footprint = () => 600 * MIB;
      const down = await until("default/chat", inState("BackOff"));
      assert.equal(down.schedulingStatus, "BudgetExceeded");
      assert.match(down.message ?? "", /^measured 600\.0 MiB, budget 512\.0 MiB \(absolute from CRD\)/);
      await tick(wait * MINUTE - 2000);
      assert.equal(of("default/chat")?.state, "BackOff");
      await tick(2000);
    }
    machine.footprint = () => 150 * MIB;
    await until("default/chat", inState("Ready"));
    machine.footprint = () => 600 * MIB;
    const last = await until("default/chat", inState("Failed"));
    assert.match(last.message ?? "", /at least 600Mi.*third breach within an hour: it is not restarted/);
    await tick(24 * 60 * MINUTE);
    assert.equal(of("default/chat")?.state, "Failed");
    assert.equal(of("default/chat")?.schedulingStatus, "BudgetExceeded");
    change(workload, { budget: { bytes: 700 * MIB, source: "crd-budget" } });
    await until("default/chat", inState("Ready"));
  });

  it("takes no second sample in ticks that follow at once", async () => {
    await open("well");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    machine.footprint = () => 600 * MIB;
    await tick(1000);
    for (let wakes = 0; wakes < 10; wakes += 1) await tick(1);
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    await tick(1000);
    // It is stopped, and may be gone already.
    assert(["Draining", "BackOff"].includes(of("default/chat")?.state ?? ""), of("default/chat")?.state);
  });

  it("shows no figure beside Ready that is older: it may have seen the server half loaded", async () => {
    // Each sample is older than the supervisor's clock, so that the last one before Ready is the first that it knows then.
    await open("well", { clockFrom: (plain) => () => plain() + 1500 });
    await want("default/chat");
    const first = await until("default/chat", inState("Ready"));
    assert.equal(first.measuredBytes, undefined);
    await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.measuredBytes], ["Ready", 150 * MIB]);
  });

  it("stops nothing and starts nothing while memory cannot be measured, and says so", async () => {
    await open("well");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    machine.footprint = () => null;
    await want("default/more");
    for (let ticks = 0; ticks < 5; ticks += 1) await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    assert.match(of("default/chat")?.notes.join() ?? "", /enforcement unknown/);
    assert.match(of("default/more")?.message ?? "", /^waits until the memory of default\/chat can be measured/);
    machine.footprint = () => 150 * MIB;
    await until("default/more", inState("Ready"));
    assert.deepEqual(of("default/chat")?.notes, [
      "llama-server printed no memory breakdown (it knows no --fit and --log-verbosity: update llama.cpp): the start goes on with the estimate alone",
    ]);
  });

  it("charges the measured footprint if it is larger than the estimate (LLMKube trap T3)", async () => {
    await open("well");
    await want("default/chat", { budget: { bytes: 900 * MIB, source: "crd-budget" } });
    await until("default/chat", inState("Ready"));
    machine.footprint = (name) => (name === "default/chat" ? 800 * MIB : 0);
    await tick();
    await want("default/more");
    await tick();
    assert.match(
      of("default/more")?.message ?? "",
      /224\.0 MiB of 1\.0 GiB are free; held by default\/chat 800\.0 MiB/,
    );
    unwant("default/chat");
    await until("default/more", inState("Ready"));
  });

  it("kills a server that ignores SIGTERM, and starts no second one before it is gone (LLMKube trap T4)", async () => {
    await open("ignores-sigterm");
    const workload = await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    change(workload, { specHash: "changed" });
    await tick();
    assert.equal(of("default/chat")?.reason, "SpecChanged");
    await tick(DEFAULT_GRACE_PERIOD_MS - 1000);
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Draining", pid]);
    const next = await until("default/chat", inState("Ready"));
    assert.notEqual(next.pid, pid);
  });

  it("does not back off for a breach of a budget that was raised since", async () => {
    await open("ignores-sigterm");
    const workload = await want("default/chat");
    await until("default/chat", inState("Ready"));
    machine.footprint = () => 600 * MIB;
    await until("default/chat", inState("Draining"));
    change(workload, { budget: { bytes: 700 * MIB, source: "crd-budget" } });
    const next = await until("default/chat", ({ state }) => state !== "Draining");
    assert.equal(next.state, "Starting", next.message);
  });

  it("waits 1, 2, 4 seconds between the starts of a server that exits at once", async () => {
    await open("exits-at-once");
    await want("default/chat");
    for (const [restartsBefore, seconds] of [1, 2, 4].entries()) {
      for (let tries = 0; tries < 200 && of("default/chat")?.state !== "BackOff"; tries += 1) {
        await tick(0);
        await sleep(20);
      }
      const { message = "", reason, restarts } = of("default/chat") ?? {};
      assert.equal(reason, "Exited");
      assert.equal(
        message,
        `llama-server exited (exit code 3); last log line: stand-in: nothing to do; next try in ${seconds} s`,
      );
      assert.equal(restarts, restartsBefore);
      await tick(seconds * 1000);
      assert.equal(of("default/chat")?.state, "Starting");
    }
  });

  for (const behaviour of ["serves-another-model", "hangs-at-once"] as const) {
    it(`LLMKube trap T15: is never Ready with a server that ${behaviour}`, async () => {
      await open(behaviour);
      const { fields: asked } = await want("default/chat");
      await tick();
      for (let tries = 0; tries < 200 && (await isPortFree("127.0.0.1", asked.port)); tries += 1) await sleep(50);
      for (let ticks = 0; ticks < 10; ticks += 1) {
        await tick();
        assert.equal(of("default/chat")?.state, "Starting");
        assert.equal(of("default/chat")?.endpoint, undefined);
        await sleep(100);
      }
    });
  }

  it("gives each waiting workload its position in the queue, by priority", async () => {
    await open("well");
    const budget = { bytes: 1000 * MIB, source: "crd-budget" } as const;
    await want("default/chat", { budget });
    await until("default/chat", inState("Ready"));
    for (const [name, priority] of [
      ["default/low", 1],
      ["default/high", 3],
      ["default/middle", 2],
    ] as const) {
      await want(name, { priority, budget });
    }
    machine.footprint = () => 900 * MIB;
    await tick();
    await tick();
    const positions = ["default/high", "default/middle", "default/low"].map((name) => of(name)?.queuePosition);
    assert.deepEqual(positions, [1, 2, 3]);
    assert.match(of("default/low")?.message ?? "", /; position 3 of 3 in the queue$/);
    assert.equal(of("default/chat")?.queuePosition, undefined);
  });

  it("refuses a start while the record cannot be written, says so, and tries again", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "");
    await open("well", { stateDirectory: file });
    await want("default/chat");
    const failed = await until("default/chat", inState("Failed"));
    assert.equal(failed.reason, "StartFailed");
    assert.match(failed.message ?? "", /^the state folder \/.*\/file cannot be written \(\w+\)/);
    await rm(file);
    await until("default/chat", inState("Ready"));
  });

  it("does not take a start for late because the machine slept", async () => {
    await open("serves-another-model", { clockFrom: awakeClock });
    await want("default/chat");
    const { pid } = await until("default/chat", (status) => status.pid !== undefined);
    for (const hours of [24, 24 * 365]) {
      await tick(hours * 60 * MINUTE);
      await tick();
      assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Starting", pid]);
    }
    // Awake, it would have been too late long ago.
    await open("serves-another-model");
    await want("default/more");
    await until("default/more", (status) => status.pid !== undefined);
    await tick(START_TIMEOUT_MS);
    assert.equal(of("default/more")?.reason, "StartTimeout");
  });

  it("counts by its own clock and not by the wall's, which people and NTP set", async () => {
    const wall = Date.now;
    try {
      await open("exits-at-once");
      await want("default/chat");
      await until("default/chat", inState("BackOff"));
      Date.now = () => wall() + 366 * 24 * 60 * MINUTE;
      await tick(1);
      assert.equal(of("default/chat")?.state, "BackOff");
      Date.now = () => wall() - 366 * 24 * 60 * MINUTE;
      await tick(10 * MINUTE);
      assert.notEqual(of("default/chat")?.state, "BackOff");
    } finally {
      Date.now = wall;
    }
  });

  it("clears the earlier reason once a later look lets it start (LLMKube#643)", async () => {
    await open("well");
    const workload = await want("default/chat", { budget: { bytes: MIB, source: "crd-budget" } });
    assert.equal((await until("default/chat", inState("Failed"))).reason, "InsufficientMemory");
    change(workload, { budget: { bytes: 512 * MIB, source: "crd-budget" }, specHash: "raised" });
    const { reason, message } = await until("default/chat", inState("Ready"));
    assert.deepEqual([reason, message], [undefined, undefined]);
  });

  it("LLMKube trap T14: shows no endpoint while it drains", async () => {
    await open("ignores-sigterm");
    await want("default/chat");
    const ready = await until("default/chat", inState("Ready"));
    assert.match(ready.endpoint ?? "", /^http:/);
    unwant("default/chat");
    await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.endpoint], ["Draining", undefined]);
  });

  it("holds the fault of one workload to that workload", async () => {
    await open("well");
    await want("default/chat");
    await want("default/more");
    await until("default/chat", inState("Ready"));
    await until("default/more", inState("Ready"));
    machine.footprint = (name) => {
      if (name === "default/more") throw new Error("made up");
      return 600 * MIB;
    };
    await tick();
    await tick();
    assert.equal(of("default/chat")?.reason, "BudgetExceeded");
    assert.equal(of("default/more")?.state, "Ready");
    assert.match(of("default/more")?.notes.join() ?? "", /made up/);
  });

  it("warns near the budget, until the footprint is well below it again", async () => {
    await open("well");
    await want("default/chat");
    await until("default/chat", inState("Ready"));
    const nearAt = async (mebibytes: number) => {
      machine.footprint = () => mebibytes * MIB;
      await tick();
      return (of("default/chat")?.notes ?? []).some((note) =>
        /^near its budget: measured .*, \d+ % of budget/.test(note),
      );
    };
    assert.deepEqual(
      [await nearAt(450), await nearAt(465), await nearAt(445), await nearAt(430)],
      [false, true, true, false],
    );
  });
});

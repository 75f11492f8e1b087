import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { capBytes, type KernelCap } from "../../agent/enforcement/kernel-cap.ts";
import { openKernelCap } from "../../agent/enforcement/open-cap.ts";
import type { PressureLevel } from "../../agent/enforcement/pressure.ts";
import { openLinux } from "../../agent/platform/linux.ts";
import type { WorkloadStatus } from "../../agent/status-file.ts";
import { GRACE_MS } from "../../agent/supervisor/decide.ts";
import { type Supervisor, supervisor } from "../../agent/supervisor/loop.ts";
import type { Desired, Workload } from "../../agent/workload.ts";
import { readHeader } from "../../memory/gguf/read.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { aWorkload, fields, options } from "./samples.ts";
import { type Behaviour, standIn } from "./stand-in.ts";

const MIB = 2 ** 20;
const MINUTE = 60_000;

describe("the supervisor with stand-ins for llama-server, and its clock in our hands", function () {
  this.timeout(60_000);
  let now: number;
  let pressure: PressureLevel | null;
  let cap: KernelCap | undefined;
  let footprint: (name: string) => number | null;
  let processes: Supervisor | undefined;
  let wanted: Map<string, Desired>;
  let statuses: readonly WorkloadStatus[];

  beforeEach(() => {
    now = 1_000_000;
    footprint = () => 100 * MIB;
    pressure = "normal";
    cap = undefined;
    wanted = new Map();
    statuses = [];
  });

  afterEach(() => processes?.killAll());

  const open = async (behaviour: Behaviour) => {
    const platform = await openLinux();
    assert(platform.ok);
    const header = await readHeader(await ensureTool("gemma3-270m", () => {}));
    const pids = () => new Map(statuses.map(({ name, pid }) => [pid, name]));
    processes = supervisor({
      platform: {
        ...platform.value,
        pressure: async () => pressure,
        footprintBytes: async (pid) => footprint(pids().get(pid) ?? ""),
      },
      allocatableBytes: 1024 * MIB,
      llamaServer: await standIn(behaviour),
      serverOptions: options,
      stateDirectory: await temporaryDirectory(),
      cap,
      inherited: [],
      resources: {
        header: () => ({ state: "read", header }),
        stored: () => ({ state: "ready", path: "/models/chat.gguf" }),
      },
      clock: () => now,
      wake: () => {},
    });
  };
  const want = async (name: string, part: Partial<Workload> = {}) => {
    const port = await getPort();
    const settings = { ...fields.settings, backend: "cpu" as const, parallel: 1 };
    const budget = { bytes: 512 * MIB, source: "crd-budget" } as const;
    const workload = aWorkload({ name, fields: { ...fields, name, port, settings }, budget, ...part });
    wanted.set(name, { kind: "run", workload });
    return workload;
  };
  const wish = (workload: Workload, part: Partial<Workload>) =>
    wanted.set(workload.name, { kind: "run", workload: { ...workload, ...part } });
  const tick = async (later = 1000) => {
    now += later;
    statuses = (await processes?.tick(wanted)) ?? [];
  };
  const of = (name: string) => statuses.find((status) => status.name === name);
  /** Ticks a second of our clock each, with time for real processes to do something in between. */
  const until = async (name: string, holds: (status: WorkloadStatus) => boolean) => {
    for (let ticks = 0; ticks < 300; ticks += 1) {
      await tick();
      const status = of(name);
      if (status !== undefined && holds(status)) return status;
      await sleep(30);
    }
    return assert.fail(`not reached; last: ${JSON.stringify(of(name))}`);
  };
  const inState = (state: string) => (status: WorkloadStatus) => status.state === state;

  it("backs off longer after each breach, and after the third within an hour stays down until something changes", async () => {
    await open("well");
    const workload = await want("default/chat");
    for (const wait of [1, 2]) {
      footprint = () => 100 * MIB;
      await until("default/chat", inState("Ready"));
      footprint = () => 600 * MIB;
      const down = await until("default/chat", inState("BackOff"));
      assert.equal(down.schedulingStatus, "BudgetExceeded");
      assert.match(down.message ?? "", /^measured 600\.0 MiB, budget 512\.0 MiB \(absolute from CRD\)/);
      await tick(wait * MINUTE - 2000);
      assert.equal(of("default/chat")?.state, "BackOff");
      await tick(2000);
    }
    footprint = () => 100 * MIB;
    await until("default/chat", inState("Ready"));
    footprint = () => 600 * MIB;
    const last = await until("default/chat", inState("Failed"));
    assert.match(last.message ?? "", /at least 600Mi.*third time within an hour: it stays down/);
    await tick(24 * 60 * MINUTE);
    assert.equal(of("default/chat")?.state, "Failed");
    assert.equal(of("default/chat")?.schedulingStatus, "BudgetExceeded");
    wish(workload, { budget: { bytes: 700 * MIB, source: "crd-budget" } });
    await until("default/chat", inState("Ready"));
  });

  it("takes two ticks of one moment for one sample", async () => {
    await open("well");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    footprint = () => 600 * MIB;
    await tick(1000);
    for (let wakes = 0; wakes < 10; wakes += 1) await tick(1);
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    await tick(1000);
    assert.equal(of("default/chat")?.state, "Draining");
  });

  it("kills nothing and starts nothing while memory cannot be measured, and says so", async () => {
    await open("well");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    footprint = () => null;
    await want("default/more");
    for (let ticks = 0; ticks < 5; ticks += 1) await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    assert.match(of("default/chat")?.notes.join() ?? "", /enforcement unknown/);
    assert.match(of("default/more")?.message ?? "", /^waits until the memory of default\/chat can be measured/);
    footprint = () => 100 * MIB;
    await until("default/more", inState("Ready"));
    assert.deepEqual(of("default/chat")?.notes, []);
  });

  it("charges what was measured where that is more than the estimate (T3)", async () => {
    await open("well");
    await want("default/chat", { budget: { bytes: 900 * MIB, source: "crd-budget" } });
    await until("default/chat", inState("Ready"));
    footprint = (name) => (name === "default/chat" ? 800 * MIB : 0);
    await tick();
    await want("default/more");
    await tick();
    assert.match(
      of("default/more")?.message ?? "",
      /224\.0 MiB of 1\.0 GiB are free; held by default\/chat 800\.0 MiB/,
    );
    wanted.delete("default/chat");
    await until("default/more", inState("Ready"));
  });

  it("kills what ignores SIGTERM, and starts no second one before it is gone (T4)", async () => {
    await open("ignores-sigterm");
    const workload = await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    wish(workload, { startKey: "changed" });
    await tick();
    assert.equal(of("default/chat")?.reason, "SpecChanged");
    await tick(GRACE_MS - 1000);
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Draining", pid]);
    const next = await until("default/chat", inState("Ready"));
    assert.notEqual(next.pid, pid);
  });

  it("does not punish a raised budget for the breach of the one before", async () => {
    await open("ignores-sigterm");
    const workload = await want("default/chat");
    await until("default/chat", inState("Ready"));
    footprint = () => 600 * MIB;
    await until("default/chat", inState("Draining"));
    wish(workload, { budget: { bytes: 700 * MIB, source: "crd-budget" } });
    const next = await until("default/chat", ({ state }) => state !== "Draining");
    assert.equal(next.state, "Starting", next.message);
  });

  it("waits 1, 2, 4 seconds between the starts of one that exits at once", async () => {
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
        `llama-server ended (exit code 3); its last line: stand-in: nothing to do; next try in ${seconds} s`,
      );
      assert.equal(restarts, restartsBefore);
      await tick(seconds * 1000);
      assert.equal(of("default/chat")?.state, "Starting");
    }
  });

  for (const behaviour of ["serves-another-model", "fails-completions"] as const) {
    it(`T15, #374: is never Ready with one that ${behaviour}`, async () => {
      await open(behaviour);
      const { fields: asked } = await want("default/chat");
      const health = () =>
        fetch(`http://127.0.0.1:${asked.port}/health`).then(
          ({ ok }) => ok,
          () => false,
        );
      await tick();
      for (let tries = 0; tries < 200 && !(await health()); tries += 1) await sleep(50);
      for (let ticks = 0; ticks < 10; ticks += 1) {
        await tick();
        assert.equal(of("default/chat")?.state, "Starting");
        assert.equal(of("default/chat")?.endpoint, undefined);
        await sleep(100);
      }
    });
  }

  describe("when the machine is short of memory", () => {
    const both = async (behaviour: Behaviour) => {
      await open(behaviour);
      await want("default/chat", { priority: 3 });
      await want("default/batch", { priority: 0 });
      await until("default/chat", inState("Ready"));
      await until("default/batch", inState("Ready"));
    };
    const gone = (name: string) => () => of(name)?.pid === undefined;

    it("T1: evicts the lower priority, and has it back once the pressure has been normal for a while", async () => {
      await both("well");
      pressure = "critical";
      await until("default/batch", gone("default/batch"));
      assert.equal(of("default/batch")?.reason, "Evicted");
      assert.equal(of("default/batch")?.schedulingStatus, "Evicted");
      assert.equal(of("default/chat")?.state, "Ready");
      for (let ticks = 0; ticks < 60; ticks += 1) await tick();
      assert.deepEqual([of("default/batch")?.state, of("default/chat")?.state], ["Waiting", "Ready"]);
      pressure = "normal";
      for (let ticks = 0; ticks < 29; ticks += 1) await tick();
      assert.match(of("default/batch")?.message ?? "", /back in \d+ s if the pressure stays normal/);
      await until("default/batch", inState("Ready"));
    });

    it("T7: takes no SIGKILL of an evicted server for a failure, and does not start it again under pressure", async () => {
      await both("ignores-sigterm");
      pressure = "critical";
      await until("default/batch", gone("default/batch"));
      assert.deepEqual([of("default/batch")?.state, of("default/batch")?.reason], ["Waiting", "Evicted"]);
      assert.equal(of("default/batch")?.restarts, 0);
    });

    it("never evicts a protected one, and starts nothing new", async () => {
      await open("well");
      await want("default/chat", { evictionProtection: true });
      await until("default/chat", inState("Ready"));
      pressure = "critical";
      await want("default/batch");
      for (let ticks = 0; ticks < 5; ticks += 1) await tick();
      assert.deepEqual([of("default/chat")?.state, of("default/batch")?.state], ["Ready", "Waiting"]);
      assert.match(of("default/batch")?.message ?? "", /critically short of memory/);
    });

    it("T8: neither evicts nor starts on a pressure that cannot be read", async () => {
      await both("well");
      pressure = null;
      await want("default/new");
      for (let ticks = 0; ticks < 5; ticks += 1) await tick();
      assert.deepEqual([of("default/chat")?.state, of("default/batch")?.state], ["Ready", "Ready"]);
      assert.match(of("default/new")?.message ?? "", /can be read again/);
    });
  });

  it("starts a server again that no longer answers, once the old one has gone", async () => {
    await open("turns-unhealthy");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    for (let ticks = 0; ticks < 25; ticks += 1) await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    const draining = await until("default/chat", inState("Draining"));
    assert.equal(draining.reason, "Unhealthy");
    const down = await until("default/chat", inState("BackOff"));
    assert.match(down.message ?? "", /^it did not answer 3 times in a row/);
    await until("default/chat", (status) => status.state === "Ready" && status.pid !== pid);
  });

  it("warns near the budget, until it is well below again", async () => {
    await open("well");
    await want("default/chat");
    await until("default/chat", inState("Ready"));
    const nearAt = async (mebibytes: number) => {
      footprint = () => mebibytes * MIB;
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

  describe("with the kernel behind it", () => {
    it("says that the kernel ended a server at its limit, and counts it as a breach", async function () {
      const opened = await openKernelCap(await temporaryDirectory());
      cap = opened.cap;
      if (cap === undefined) {
        console.log(`      skipped: ${opened.text}`);
        return this.skip();
      }
      await open("grows-640");
      await want("default/chat");
      const down = await until("default/chat", inState("BackOff"));
      assert.equal(down.reason, "BudgetExceeded");
      assert.match(
        down.message ?? "",
        /^ended by the kernel at 544\.0 MiB \(cgroup v\d\), just above its budget 512\.0 MiB/,
      );
      cap.close();
    });

    it("moves the limit with the budget, never below what the process holds", async () => {
      const moves: number[] = [];
      const ignore = () => {};
      cap = {
        ...{ kind: "recorded", wrap: (command) => command, enclose: ignore, release: ignore, close: ignore },
        breached: () => false,
        move: (_, limitBytes) => moves.push(limitBytes) > 0,
      };
      await open("well");
      const workload = await want("default/chat");
      await until("default/chat", inState("Ready"));
      for (const mebibytes of [700, 200, 80]) {
        wish(workload, { budget: { bytes: mebibytes * MIB, source: "crd-budget" } });
        await tick();
        await tick();
      }
      assert.deepEqual(moves, [capBytes(700 * MIB), capBytes(200 * MIB)]);
    });
  });
});

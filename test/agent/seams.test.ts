import assert from "node:assert/strict";
import { alarmClock } from "../../agent/lifecycle/alarm.ts";
import { runBeside } from "../../agent/lifecycle/runnable.ts";
import { reconcileLoop } from "../../agent/main/loop.ts";
import type { WantedWork, WorkSource } from "../../agent/sources/source.ts";
import { agentStatus } from "../../agent/status/agent-status.ts";
import { type StatusSink, statusSinks } from "../../agent/status/sink.ts";
import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import type { Outcome } from "../../agent/supervisor/supervisor.ts";
import type { Desired } from "../../agent/workload/desired.ts";
import { type WorkloadId, workloadId } from "../../agent/workload/workload-id.ts";
import { aStatus } from "./http/recorded.ts";
import { stage } from "./stage.ts";

const NAME = "default/chat";

/** An in-memory source and sink, as pods and their status will be later. The supervisor knows neither. */
describe("the agent with another work source and another status sink", function () {
  this.timeout(60_000);
  const { open, want, wanted, pass } = stage();

  /** Two pods of one service, old and new. */
  const twoPods = async () => {
    const workloads = new Map<WorkloadId, Desired>();
    for (const id of ["uid-old", "uid-new"].map(workloadId)) {
      const workload = { ...(await want(NAME)), id, gracePeriodMs: 2000, priority: 1000 };
      workloads.set(id, { kind: "run", workload });
    }
    return workloads;
  };

  const run = async (
    workloads: Map<WorkloadId, Desired>,
    sinks: readonly StatusSink[],
    until: (status: AgentStatus) => boolean | Promise<boolean>,
  ) => {
    const supervisor = await open("well");
    const synced: Omit<WantedWork, "workloads"> = { synced: true, problems: [], notes: [], models: [] };
    const current = () => {
      pass(1000);
      return { workloads, ...synced };
    };
    const source: WorkSource = { current, close: async () => {} };
    const said: string[] = [];
    const stop = new AbortController();
    const watching: StatusSink = {
      name: "the watching sink",
      publish: async (status) => {
        if (await until(status)) stop.abort();
      },
      terminated: async () => {},
    };
    const all = statusSinks([...sinks, watching], (message) => said.push(message));
    const { agent } = aStatus([]);
    const readings = { availableBytes: null, pressure: null, problems: [], notes: [], now: new Date() };
    const report = ({ workloads: statuses, terminated }: Outcome) => {
      for (const last of terminated) all.terminated(last);
      all.publish(agentStatus(agent, readings, statuses));
    };
    const lost = new AbortController().signal;
    const say = (message: string) => assert.fail(message);
    const loop = reconcileLoop({ source, supervisor, alarm: alarmClock(), report, say, lost });
    await runBeside(loop, [], stop.signal, say);
    await all.flush(1000);
    return said;
  };

  const memorySink = () => {
    const published: AgentStatus[] = [];
    const terminated: WorkloadStatus[] = [];
    const sink: StatusSink = {
      name: "memory",
      publish: async (status) => {
        published.push(status);
      },
      terminated: async (last) => {
        terminated.push(last);
      },
    };
    return { sink, published, terminated };
  };

  const bothReady = ({ workloads }: AgentStatus) =>
    workloads.length === 2 && workloads.every(({ state }) => state === "Ready");

  it("serves two workloads of one name side by side, each with its own process, log and record", async () => {
    const { sink, published, terminated } = memorySink();
    const wanted = await twoPods();
    let seen: readonly WorkloadStatus[] = [];
    await run(wanted, [sink], (status) => {
      if (bothReady(status)) seen = status.workloads;
      return seen.length > 0;
    });
    assert.deepEqual(
      seen.map(({ id, name }) => [id, name]),
      [
        ["uid-new", NAME],
        ["uid-old", NAME],
      ],
    );
    assert.equal(new Set(seen.map(({ pid }) => pid)).size, 2);
    assert.equal(new Set(seen.map(({ endpoint }) => endpoint)).size, 2);
    assert.deepEqual(terminated.map(({ id, state, pid }) => [id, state, pid]).toSorted(), [
      ["uid-new", "Stopped", undefined],
      ["uid-old", "Stopped", undefined],
    ]);
    assert.ok(published.length > 2);
  });

  it("stops the workload whose pod is gone, and publishes its last status before it is forgotten", async () => {
    const { sink, terminated } = memorySink();
    const wanted = await twoPods();
    let removed = false;
    await run(wanted, [sink], (status) => {
      if (!removed && bothReady(status)) removed = wanted.delete(workloadId("uid-old"));
      return removed && status.workloads.length === 1;
    });
    assert.equal(terminated[0]?.id, "uid-old");
  });

  it("logs once that a sink throws, and the other sinks continue, also beside one that never returns", async () => {
    const { sink, published } = memorySink();
    const broken: StatusSink = {
      name: "the broken sink",
      publish: () => Promise.reject(new Error("no space")),
      terminated: () => Promise.reject(new Error("no space")),
    };
    const silent: StatusSink = {
      name: "the silent sink",
      publish: () => new Promise(() => {}),
      terminated: async () => {},
    };
    const said = await run(await twoPods(), [broken, silent, sink], bothReady);
    assert.deepEqual(said, ["the broken sink cannot be written: no space"]);
    assert.ok(published.some(bothReady));
  });

  it("touches no server any more once somebody else has the state folder", async () => {
    const supervisor = await open("well");
    await want(NAME);
    const lost = new AbortController();
    let pid: number | undefined;
    const report = ({ workloads }: Outcome) => {
      pid = workloads[0]?.pid ?? pid;
      if (workloads[0]?.state === "Ready") lost.abort();
    };
    const source = { current: () => ({ workloads: wanted, synced: true, problems: [], notes: [], models: [] }) };
    const parts = { source, supervisor, alarm: alarmClock(), report, say: (message: string) => assert.fail(message) };
    await reconcileLoop({ ...parts, lost: lost.signal }).run(new AbortController().signal);
    assert.ok(pid !== undefined && process.kill(pid, 0));
  });

  it("asks first whether somebody else has the state folder, if it stood still for long", async () => {
    const lost = new AbortController();
    const said: string[] = [];
    let ticks = 0;
    const outcome: Outcome = { workloads: [], terminated: [] };
    const tick = async () => {
      ticks += 1;
      // Another agent takes over meanwhile; the lock is looked at soon after this thread goes on.
      setTimeout(() => lost.abort(), 200);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5500);
      return outcome;
    };
    const alarm = alarmClock();
    alarm.ring();
    const source = { current: () => ({ workloads: wanted, synced: true, problems: [], notes: [], models: [] }) };
    const supervisor = { tick, idle: () => true };
    const parts = { source, supervisor, alarm, report: alarm.ring, say: (message: string) => said.push(message) };
    await reconcileLoop({ ...parts, lost: lost.signal }).run(new AbortController().signal);
    assert.equal(ticks, 1);
    assert.deepEqual(said, []);
  });

  it("continues if something beside the reconcile loop fails or ends", async () => {
    const said: string[] = [];
    const main = { name: "main", run: () => new Promise<void>((resolve) => setTimeout(resolve, 50)) };
    const failing = { name: "one", run: () => Promise.reject(new Error("no port")) };
    const short = { name: "another", run: async () => {} };
    await runBeside(main, [failing, short], new AbortController().signal, (message) => said.push(message));
    assert.deepEqual(said.toSorted(), ["another ended while the agent still runs", "one failed: no port"]);
  });
});

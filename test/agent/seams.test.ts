import assert from "node:assert/strict";
import { alarmClock } from "../../agent/lifecycle/alarm.ts";
import { runBeside } from "../../agent/lifecycle/runnable.ts";
import { reconcileLoop } from "../../agent/loop.ts";
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

/** A source and a sink that live in memory, as pods and their status will: the supervisor knows neither. */
describe("the agent with another source of work and another sink of status", function () {
  this.timeout(60_000);
  const { open, want } = stage();

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
    const source: WorkSource = { current: () => ({ workloads, ...synced }), close: async () => {} };
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

  it("serves two workloads of one name beside each other, each with a process, a log and a record of its own", async () => {
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

  it("stops the one whose pod is gone, and says its last status before it is forgotten", async () => {
    const { sink, terminated } = memorySink();
    const wanted = await twoPods();
    let removed = false;
    await run(wanted, [sink], (status) => {
      if (!removed && bothReady(status)) removed = wanted.delete(workloadId("uid-old"));
      return removed && status.workloads.length === 1;
    });
    assert.equal(terminated[0]?.id, "uid-old");
  });

  it("takes no harm from a sink that throws or never answers: it is said once, and the others go on", async () => {
    const { sink, published } = memorySink();
    const broken: StatusSink = {
      name: "the broken sink",
      publish: () => Promise.reject(new Error("no room")),
      terminated: () => Promise.reject(new Error("no room")),
    };
    const silent: StatusSink = {
      name: "the silent sink",
      publish: () => new Promise(() => {}),
      terminated: async () => {},
    };
    const said = await run(await twoPods(), [broken, silent, sink], bothReady);
    assert.deepEqual(said, ["the broken sink cannot be written: no room"]);
    assert.ok(published.some(bothReady));
  });

  it("lets nothing beside the loop end the agent", async () => {
    const said: string[] = [];
    const main = { name: "main", run: () => new Promise<void>((resolve) => setTimeout(resolve, 50)) };
    const failing = { name: "one", run: () => Promise.reject(new Error("no port")) };
    const short = { name: "another", run: async () => {} };
    await runBeside(main, [failing, short], new AbortController().signal, (message) => said.push(message));
    assert.deepEqual(said.toSorted(), ["another ended, though the agent goes on", "one failed: no port"]);
  });
});

import assert from "node:assert/strict";
import { agentMetrics } from "../../../agent/http/metrics.ts";
import { aStatus, aWorkloadStatus, BUSY, budgetOf, GIB, MIB } from "./recorded.ts";

const P = "llmkube_metal_agent_";

describe("metrics of the agent", () => {
  /** Value by `name{labels}`, without the prefix, sorted labels or comments. */
  const exported = async (metrics: ReturnType<typeof agentMetrics>) => {
    const lines = (await metrics.registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(P.length, at), Number(line.slice(at + 1))];
      }),
    );
  };

  it("says of the host and of each workload what the status says", async () => {
    const metrics = agentMetrics("1.2.3");
    metrics.observe(BUSY);
    metrics.ticked(0.02);
    const values = await exported(metrics);
    const chat = '{namespace="default",name="chat"}';
    const expected: readonly (readonly [string, number])[] = [
      ["system_memory_bytes", 16 * GIB],
      ["system_memory_available_bytes", 7 * GIB],
      ["memory_budget_bytes", Math.round(16 * GIB * 0.67)],
      ["managed_processes", 3],
      ["admission_waiting", 1],
      ["manifest_problems", 1],
      [`process_healthy${chat}`, 1],
      ['process_healthy{namespace="default",name="loading"}', 0],
      [`memory_estimated_bytes${chat}`, 5300 * MIB],
      [`process_footprint_bytes${chat}`, 5150 * MIB],
      [`process_budget_bytes${chat}`, 6 * GIB],
      [`process_restarts_total${chat}`, 2],
      [`enforcement_unknown${chat}`, 0],
      ['workload_state{namespace="default",name="chat",state="Ready"}', 1],
      ['workload_state{namespace="default",name="chat",state="Failed"}', 0],
      ["tick_duration_seconds_count", 1],
      [`build_info{version="1.2.3",node="${process.version}"}`, 1],
    ];
    for (const [series, value] of expected) assert.equal(values.get(series), value, series);
    for (const { name } of BUSY.workloads) {
      const [namespace, short] = name.split("/");
      const states = [...values].filter(([series]) =>
        series.startsWith(`workload_state{namespace="${namespace}",name="${short}",`),
      );
      assert.deepEqual([states.length, states.filter(([, value]) => value === 1).length], [11, 1], name);
    }
  });

  it("LLMKube trap T8: an unknown number has no series, before the first tick and after it", async () => {
    const metrics = agentMetrics("1");
    const before = await exported(metrics);
    assert.deepEqual([before.has("system_memory_bytes"), before.has("managed_processes")], [false, false]);
    const { availableBytes: _, ...agent } = BUSY.agent;
    metrics.observe({ agent, workloads: [aWorkloadStatus("default/a", { pid: 7, enforcementUnknown: true })] });
    const values = await exported(metrics);
    assert.equal(values.has("system_memory_available_bytes"), false);
    assert.equal(values.has('process_footprint_bytes{namespace="default",name="a"}'), false);
    assert.equal(values.get('enforcement_unknown{namespace="default",name="a"}'), 1);
  });

  it("LLMKube trap T9: two workloads of one name in two namespaces keep their own numbers", async () => {
    const metrics = agentMetrics("1");
    metrics.observe(
      aStatus([
        aWorkloadStatus("default/chat", { pid: 1, measuredBytes: 1000, budget: budgetOf(1) }),
        aWorkloadStatus("research/chat", { pid: 2, measuredBytes: 2000, budget: budgetOf(2) }),
      ]),
    );
    const values = await exported(metrics);
    for (const [namespace, measured, budget] of [
      ["default", 1000, GIB],
      ["research", 2000, 2 * GIB],
    ] as const) {
      assert.equal(values.get(`process_footprint_bytes{namespace="${namespace}",name="chat"}`), measured);
      assert.equal(values.get(`process_budget_bytes{namespace="${namespace}",name="chat"}`), budget);
    }
  });

  it("two pods of one service keep their own numbers, told apart by their uid", async () => {
    const metrics = agentMetrics("1");
    const pods = ["uid-old", "uid-new"].map((id, index) => ({
      ...aWorkloadStatus("default/chat", { pid: index + 1, measuredBytes: (index + 1) * 1000 }),
      id,
    }));
    metrics.observe(aStatus(pods));
    const values = await exported(metrics);
    const footprint = (uid: string) =>
      values.get(`process_footprint_bytes{namespace="default",name="chat",uid="${uid}"}`);
    assert.deepEqual(["uid-old", "uid-new"].map(footprint), [1000, 2000]);
    const draining = { state: "Draining", reason: "BudgetExceeded" } as const;
    metrics.observe(aStatus(pods.map((pod) => (pod.id === "uid-old" ? { ...pod, ...draining } : pod))));
    const stops = await exported(metrics);
    const exceeded = (uid: string) => stops.get(`budget_exceeded_total{namespace="default",name="chat",uid="${uid}"}`);
    assert.deepEqual(["uid-old", "uid-new"].map(exceeded), [1, 0]);
  });

  it("LLMKube trap T18: every series of a workload goes with it, and none of another's", async () => {
    const metrics = agentMetrics("1");
    metrics.observe(BUSY);
    const of = (values: ReadonlyMap<string, number>, name: string) =>
      [...values.keys()].filter((series) => series.includes(`name="${name}"`)).length;
    const before = await exported(metrics);
    assert(of(before, "loading") >= 15);
    metrics.observe({ ...BUSY, workloads: BUSY.workloads.filter(({ name }) => name !== "default/loading") });
    const after = await exported(metrics);
    assert.equal(of(after, "loading"), 0);
    assert.equal(of(after, "chat"), of(before, "chat"));
    assert.equal(after.get("managed_processes"), 2);
  });

  it("counts each stop over a budget once, however many ticks it takes", async () => {
    const metrics = agentMetrics("1");
    const draining = { state: "Draining", reason: "BudgetExceeded", pid: 9 } as const;
    const seen = async (...states: readonly object[]) => {
      for (const state of states) metrics.observe(aStatus([aWorkloadStatus("default/a", state)]));
      return (await exported(metrics)).get('budget_exceeded_total{namespace="default",name="a"}');
    };
    assert.equal(await seen({ pid: 9 }), 0);
    assert.equal(await seen(draining, draining, { state: "BackOff", reason: "BudgetExceeded" }), 1);
    assert.equal(await seen({ pid: 10 }, { ...draining, reason: "SpecChanged" }), 1);
    assert.equal(await seen({ pid: 11 }, draining), 2);
    metrics.observe(aStatus([]));
    assert.equal(await seen({ pid: 12 }), 0);
  });
});

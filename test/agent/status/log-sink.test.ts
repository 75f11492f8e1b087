import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { pino } from "pino";
import { logSink } from "../../../agent/status/log-sink.ts";
import type { AgentStatus } from "../../../agent/status/status.ts";
import { aStatus, aWorkloadStatus, budgetOf, MIB } from "../http/recorded.ts";

const ready = aWorkloadStatus("default/chat", {
  endpoint: "http://127.0.0.1:8080/v1",
  pid: 4711,
  measuredBytes: 300 * MIB,
  budget: budgetOf(0.5),
});
const over = aWorkloadStatus("default/chat", {
  state: "BackOff",
  reason: "BudgetExceeded",
  message: "measured 600.0 MiB",
});

describe("the log", () => {
  const logged = async (...statuses: readonly AgentStatus[]) => {
    const lines: Record<string, unknown>[] = [];
    const sink = logSink(pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) }));
    for (const status of statuses) await sink.publish(status);
    return { lines, sink };
  };

  it("has a constant message and the details as fields, in JSON", async () => {
    const { lines } = await logged(aStatus([ready]));
    assert.equal(lines.length, 1);
    const { level, msg, workload, state, measuredBytes, budgetBytes } = lines[0] ?? {};
    assert.deepEqual(
      { level, msg, workload, state, measuredBytes, budgetBytes },
      {
        ...{ level: 30, msg: "workload changed", workload: "default/chat", state: "Ready" },
        ...{ measuredBytes: 300 * MIB, budgetBytes: 512 * MIB },
      },
    );
  });

  it("has a line if state or reason changed, and none if only a number did", async () => {
    const { lines } = await logged(aStatus([ready]), aStatus([{ ...ready, measuredBytes: 1 }]), aStatus([over]));
    assert.deepEqual(
      lines.map(({ level, state, reason }) => [level, state, reason]),
      [
        [30, "Ready", undefined],
        [40, "BackOff", "BudgetExceeded"],
      ],
    );
  });

  it("calls sleep and waking no trouble, however a model comes to it", async () => {
    const sleeping = { ...ready, state: "Sleeping", reason: "Idle", message: "nobody asked for it for 10m" } as const;
    const { lines } = await logged(
      ...[ready, { ...ready, state: "Draining", reason: "MadeRoom" } as const, sleeping].map((one) => aStatus([one])),
      ...[{ ...sleeping, reason: "MadeRoom" }, { ...ready, state: "Starting" } as const, ready].map((one) =>
        aStatus([one]),
      ),
    );
    assert.deepEqual(
      lines.map(({ level, state }) => [level, state]),
      ["Ready", "Draining", "Sleeping", "Sleeping", "Starting", "Ready"].map((state) => [30, state]),
    );
  });

  it("has no line while only the demand changes", async () => {
    const demand = (inFlight: number) => aStatus([{ ...ready, demand: { waiting: 1, inFlight } }]);
    assert.equal((await logged(demand(0), demand(1), demand(2))).lines.length, 1);
  });

  it("reports a problem and a note once, and again after they were gone", async () => {
    const trouble = aStatus([], { problems: ["a.yaml: bad"], notes: ["b.yaml: ignored"] });
    const { lines } = await logged(trouble, trouble, aStatus([]), trouble);
    const [warned, told] = [40, 30].map((level) => lines.filter((line) => line["level"] === level));
    assert.deepEqual(
      [warned?.map(({ msg }) => msg), told?.map(({ msg }) => msg)],
      [
        ["a.yaml: bad", "a.yaml: bad"],
        ["b.yaml: ignored", "b.yaml: ignored"],
      ],
    );
  });

  it("has a note of a workload when it is new, and again after it was gone, whatever its numbers are", async () => {
    const near = (part: string) => `near its budget: measured ${part} of budget 512.0 MiB`;
    const noted = (...notes: readonly string[]) => aStatus([{ ...ready, notes: [...notes] }]);
    const { lines } = await logged(
      noted("it runs on the CPU"),
      noted("it runs on the CPU", near("470.0 MiB, 92 %")),
      noted("it runs on the CPU", near("1.1 GiB, 101 %")),
      noted("it runs on the CPU", near("1.1 GiB, 101 %"), "enforcement unknown"),
      noted("it runs on the CPU"),
      noted(near("471.0 MiB, 93 %")),
    );
    const told = lines.filter(({ msg }) => msg === "workload note");
    assert.deepEqual(
      told.map(({ level, workload, note }) => [level, workload, note]),
      ["it runs on the CPU", near("470.0 MiB, 92 %"), "enforcement unknown", near("471.0 MiB, 93 %")].map((note) => [
        ...[30, "default/chat", note],
      ]),
    );
  });

  it("names the workload that is gone, and distinguishes two workloads of one name", async () => {
    const pods = ["uid-1", "uid-2"].map((id) => ({ ...ready, id }));
    const { lines, sink } = await logged(aStatus(pods));
    const [first] = pods;
    assert(first);
    await sink.terminated(first);
    assert.deepEqual(
      lines.map(({ msg, id }) => [msg, id]),
      [
        ["workload changed", "uid-1"],
        ["workload changed", "uid-2"],
        ["workload gone", "uid-1"],
      ],
    );
  });

  it("has sentences in text format", () => {
    const modules = ["log-sink", "log"].map((name) => new URL(`../../../agent/status/${name}.ts`, import.meta.url));
    const program = `
      const [{ logSink }, { openLog }] = await Promise.all(${JSON.stringify(modules)}.map((module) => import(module)));
      const { logger: log, close } = await openLog("text", "info");
      const sink = logSink(log);
      for (const workloads of ${JSON.stringify([[ready], [{ ...over, notes: ["made up"] }]])}) {
        await sink.publish({ agent: { problems: [], notes: [] }, workloads });
      }
      await sink.terminated(${JSON.stringify(over)});
      log.debug("not said");
      log.info("said");
      await close(5000);
    `;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    assert.deepEqual(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.replace(/^\[[\d:]+\] /, "")),
      [
        "INFO: default/chat: Ready at http://127.0.0.1:8080/v1, measured 300.0 MiB, budget 512.0 MiB (absolute from CRD)",
        "WARN: default/chat: BackOff, BudgetExceeded: measured 600.0 MiB",
        "INFO: default/chat: made up",
        "INFO: default/chat: gone",
        "INFO: said",
      ],
    );
  });
});

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
    const module = new URL("../../../agent/status/log-sink.ts", import.meta.url);
    const program = `
      const { logSink, openLog } = await import(${JSON.stringify(module)});
      const log = await openLog("text", "info");
      const sink = logSink(log);
      for (const workloads of ${JSON.stringify([[ready], [over]])}) {
        await sink.publish({ agent: { problems: [], notes: [] }, workloads });
      }
      await sink.terminated(${JSON.stringify(over)});
      log.debug("not said");
      log.info("said");
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
        "INFO: default/chat: gone",
        "INFO: said",
      ],
    );
  });
});

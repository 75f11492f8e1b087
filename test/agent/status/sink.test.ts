import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { type StatusSink, statusSinks } from "../../../agent/status/sink.ts";
import { aStatus, aWorkloadStatus } from "../http/recorded.ts";

const numbered = (pid: number) => aStatus([], { pid });
const last = aWorkloadStatus("default/chat");

/** A sink whose deliveries end when the test releases them. */
function heldSink() {
  const seen: (number | string)[] = [];
  const held: (() => void)[] = [];
  const delivered = (what: number | string) => {
    seen.push(what);
    return new Promise<void>((resolve) => held.push(resolve));
  };
  const sink: StatusSink = {
    name: "held",
    publish: ({ agent }) => delivered(agent.pid),
    terminated: ({ name }) => delivered(name),
  };
  const release = async () => {
    held.shift()?.();
    await turn();
  };
  return { sink, seen, release };
}

describe("the sinks of status", () => {
  it("get one status at a time, and only the newest of those that wait", async () => {
    const { sink, seen, release } = heldSink();
    const sinks = statusSinks([sink], assert.fail);
    for (const pid of [1, 2, 3]) sinks.publish(numbered(pid));
    assert.deepEqual(seen, [1]);
    await release();
    assert.deepEqual(seen, [1, 3]);
  });

  it("never miss the last status of a workload, and get it before the next status without it", async () => {
    const { sink, seen, release } = heldSink();
    const sinks = statusSinks([sink], assert.fail);
    sinks.publish(numbered(1));
    sinks.terminated(last);
    sinks.publish(numbered(2));
    for (let deliveries = 0; deliveries < 3; deliveries += 1) await release();
    assert.deepEqual(seen, [1, "default/chat", 2]);
  });

  it("are waited for at the end, but not for ever", async () => {
    const { sink, seen } = heldSink();
    const sinks = statusSinks([sink], assert.fail);
    sinks.publish(numbered(1));
    await sinks.flush(20);
    assert.deepEqual(seen, [1]);
    const quick: StatusSink = { name: "quick", publish: async () => {}, terminated: async () => {} };
    const done = statusSinks([quick], assert.fail);
    done.publish(numbered(1));
    await done.flush(60_000);
  });

  it("report a failure once, and again after they have worked", async () => {
    const failures = [true, true, false, true];
    const said: string[] = [];
    const sink: StatusSink = {
      name: "the file",
      publish: async ({ agent }) => {
        if (failures[agent.pid]) throw Object.assign(new Error(`temporary file ${agent.pid}`), { code: "ENOSPC" });
      },
      terminated: async () => {},
    };
    const sinks = statusSinks([sink], (message) => said.push(message));
    for (const pid of failures.keys()) {
      sinks.publish(numbered(pid));
      await sinks.flush(1000);
    }
    assert.deepEqual(said, ["the file cannot be written: ENOSPC", "the file cannot be written: ENOSPC"]);
  });
});

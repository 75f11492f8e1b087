import assert from "node:assert/strict";
import { STATES, type State, type WorkloadStatus } from "../../../agent/status/status.ts";
import { type Sight, sightOf } from "../../../cli/deploy/wait.ts";

const sight = (state: State, rest: Partial<WorkloadStatus> = {}) =>
  sightOf("gemma", { name: "default/gemma", state, ...rest } as WorkloadStatus);

describe("what deploy --wait makes of a state", () => {
  const seen: Readonly<Record<State, Sight["is"]>> = {
    Pending: "under-way",
    Downloading: "under-way",
    Waiting: "under-way",
    Starting: "under-way",
    Ready: "ready",
    Draining: "under-way",
    BackOff: "under-way",
    HeldBack: "failed",
    Failed: "failed",
    Sleeping: "ready",
    Stopped: "failed",
  };
  for (const state of STATES) it(`${state}: ${seen[state]}`, () => assert.equal(sight(state).is, seen[state]));

  it("says that a model which waits for its first request sleeps, and where it is asked for", () => {
    const endpoint = "http://127.0.0.1:8080/v1";
    assert.deepEqual(sight("Sleeping", { endpoint }), { is: "ready", line: "gemma: Sleeping", endpoint });
  });

  it("waits on where a failure passes by itself", () => {
    assert.equal(sight("Failed", { reason: "PortInUse" }).is, "under-way");
  });
});

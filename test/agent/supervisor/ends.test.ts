import assert from "node:assert/strict";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { stage } from "../stage.ts";

const NAME = "default/chat";

/** What a status says of a process beside its pid. */
describe("the start and the end of a server in the status", function () {
  this.timeout(60_000);
  const { open, want, wanted, tick, until, inState } = stage();

  it("has the start of the one that runs, and nothing of an end before there was one", async () => {
    const before = Date.now();
    await open("well");
    await want(NAME);
    const { startedAt = "", lastExit } = await until(NAME, inState("Ready"));
    assert(Date.parse(startedAt) >= before && Date.parse(startedAt) <= Date.now(), startedAt);
    assert.equal(lastExit, undefined);
    await tick();
    assert.equal((await until(NAME, inState("Ready"))).startedAt, startedAt);
  });

  it("has the exit code of the last one", async () => {
    await open("exits-at-once");
    await want(NAME);
    const { startedAt, lastExit } = await until(NAME, inState("BackOff"));
    assert.deepEqual([startedAt, lastExit?.code, lastExit?.signal], [undefined, 3, undefined]);
    assert(lastExit !== undefined && Date.now() - Date.parse(lastExit.at) < 60_000);
  });

  it("has the signal that ended it", async () => {
    await open("well");
    await want(NAME);
    await until(NAME, inState("Ready"));
    wanted.set(workloadId(NAME), { kind: "stopped", name: NAME, message: "replicas 0" });
    const { lastExit } = await until(NAME, inState("Stopped"));
    assert.deepEqual([lastExit?.code, lastExit?.signal], [undefined, "SIGTERM"]);
  });
});

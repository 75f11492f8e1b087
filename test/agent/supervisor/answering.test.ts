import assert from "node:assert/strict";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { awakeClock } from "../../../agent/lifecycle/awake-clock.ts";
import { askLocal } from "../../../agent/llama-server/local-request.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { MINUTE, stage } from "../stage.ts";

const NAME = "default/chat";

describe("a Ready server that is asked for a token, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { open, want, tick, of, until, inState } = stage();
  let stateDirectory: string;

  const start = async (...[behaviour, opening]: Parameters<typeof open>) => {
    stateDirectory = await temporaryDirectory();
    await open(behaviour, { ...opening, stateDirectory });
    const { fields } = await want(NAME);
    const { pid } = await until(NAME, inState("Ready"));
    const request = () =>
      askLocal({
        host: "127.0.0.1",
        port: fields.port,
        path: "/v1/completions",
        body: { prompt: "x" },
        timeoutMs: 5000,
      });
    return { pid, request };
  };
  /** How often it was asked for a token since the first time. */
  const asked = async () => {
    const log = await readFile(join(stateDirectory, "logs", "default_chat.log"), "utf8");
    return log.split("stand-in: asked again").length - 1;
  };
  /** Lets so much of the injected clock pass, and then what it has begun come to its end. */
  const pass = async (milliseconds: number) => {
    await tick(milliseconds);
    await sleep(200);
    await tick(0);
  };

  it("is asked when nobody used it for some minutes, then less and less", async () => {
    const { pid } = await start("well");
    const times: number[] = [];
    for (let minutes = 0; minutes < 100; minutes += 1) {
      await tick(MINUTE);
      await sleep(20);
      times.push(await asked());
    }
    assert.deepEqual([times[3], times[20], times[60], times[99]], [0, 1, 2, 3]);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.pid], ["Ready", pid]);
  });

  it("is started again when it does not compute any more, after two tries, and says so afterwards too", async () => {
    const { pid } = await start("stops-computing");
    await pass(5 * MINUTE);
    await pass(5 * MINUTE);
    assert.deepEqual([of(NAME)?.state, await asked()], ["Ready", 1]);
    await pass(5000);
    const down = await until(NAME, inState("BackOff"));
    assert.equal(down.reason, "TestRequestFailed");
    assert.match(down.message ?? "", /^it is healthy, but answers no test request \(HTTP 500: Compute error\.\)/);
    const { lastExit } = await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    assert.deepEqual([lastExit?.reason, lastExit?.signal], ["TestRequestFailed", "SIGTERM"]);
    assert.match(lastExit?.message ?? "", /^it is healthy, but answers no test request/);
    // It has stopped computing again, and says how often.
    await pass(5 * MINUTE);
    await pass(5 * MINUTE);
    await pass(5000);
    assert.match((await until(NAME, inState("BackOff"))).message ?? "", /\(failure 2 within 24 hours\)/);
  });

  it("is asked soon after a request failed, and is not started again for one accident", async () => {
    const { pid, request } = await start("fails-once");
    assert.equal((await request()).status, 500);
    await pass(10_000);
    await pass(1000);
    assert.equal(await asked(), 2);
    for (let ticks = 0; ticks < 30; ticks += 1) await pass(1000);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.pid, await asked()], ["Ready", pid, 2]);
  });

  // A grammar that cannot be parsed is printed as the client wrote it, and so is the name of a model.
  it("is asked, and not started again, when its log has the words of a GPU fault while it computes", async () => {
    const { pid } = await start("well");
    const log = join(stateDirectory, "logs", "default_chat.log");
    const forged = "parse: error parsing grammar: expecting ::= at : x\nggml_metal: backend is in error state\n";
    for (let times = 1; times <= 2; times += 1) {
      await appendFile(log, forged);
      await pass(10_000);
      for (let ticks = 0; ticks < 10; ticks += 1) await pass(1000);
      assert.deepEqual([of(NAME)?.state, of(NAME)?.pid, await asked()], ["Ready", pid, times]);
    }
  });

  it("is started again soon after requests failed, if it fails the test too", async () => {
    const { request } = await start("stops-computing");
    assert.equal((await request()).status, 500);
    for (let ticks = 0; ticks < 20 && of(NAME)?.state === "Ready"; ticks += 1) await pass(1000);
    assert.equal((await until(NAME, inState("BackOff"))).reason, "TestRequestFailed");
  });

  it("is asked at once when the machine woke from sleep, once", async () => {
    const { pid } = await start("well", { clockFrom: awakeClock });
    await pass(8 * 60 * MINUTE);
    await pass(1000);
    assert.equal(await asked(), 1);
    for (let ticks = 0; ticks < 30; ticks += 1) await pass(1000);
    assert.deepEqual([of(NAME)?.pid, await asked()], [pid, 1]);
    await pass(31_000);
    await pass(1000);
    assert.equal(await asked(), 2);
  });

  it("is not asked while it works, for however long, nor after a sleep", async () => {
    const { pid } = await start("works-for-ever", { clockFrom: awakeClock });
    for (let ticks = 0; ticks < 20; ticks += 1) await pass(8000);
    await pass(8 * 60 * MINUTE);
    for (let ticks = 0; ticks < 10; ticks += 1) await pass(8000);
    assert.deepEqual([of(NAME)?.pid, await asked()], [pid, 0]);
  });

  it("says of a GPU fault after a sleep that it came after a sleep", async () => {
    await start("gpu-fault", { clockFrom: awakeClock });
    await pass(8 * 60 * MINUTE);
    const down = await until(NAME, inState("BackOff"));
    assert.equal(down.reason, "GpuFault");
    assert.match(down.message ?? "", /^a GPU command failed soon after the machine woke from sleep/);
  });
});

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { MIB, stage } from "../stage.ts";
import { thisPlatform } from "../this-platform.ts";

describe("the health of servers, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { machine, wanted, open, want, change, tick, of, until, inState } = stage();

  /** Seconds of the injected clock until `holds`; each takes 30 ms, so that processes get on. */
  const secondsUntil = async (holds: () => boolean, most: number) => {
    for (let seconds = 0; seconds <= most; seconds += 1) {
      if (holds()) return seconds;
      await tick();
      await sleep(30);
    }
    return assert.fail(`not within ${most} s`);
  };
  const isReady = (name: string) => () => of(name)?.state === "Ready";

  it("probes soon after the spawn, and not only at the next tick", async () => {
    await open("well");
    await want("default/chat");
    const { pid } = await until("default/chat", (status) => status.pid !== undefined);
    assert.deepEqual([of("default/chat")?.state, pid === undefined], ["Starting", false]);
    await sleep(1500);
    await tick(0);
    assert.equal(of("default/chat")?.state, "Ready");
  });

  it("LLMKube#374: gives up soon on a server that is healthy but fails its test requests, and starts the next one", async () => {
    await open("fails-completions@default/a");
    await want("default/a");
    await want("default/b");
    await secondsUntil(() => of("default/a")?.state === "BackOff", 60);
    const { reason, message } = of("default/a") ?? {};
    assert.equal(reason, "TestRequestFailed");
    assert.match(message ?? "", /^it is healthy, but answers no test request \(HTTP 500: Compute error\.\).*next try/);
    assert.equal(of("default/a")?.endpoint, undefined);
    await secondsUntil(isReady("default/b"), 60);
    assert.notEqual(of("default/a")?.state, "Ready");
  });

  it("writes the record of a server again where somebody removed the state folder", async () => {
    const stateDirectory = await temporaryDirectory();
    const record = join(stateDirectory, "servers", "default_chat.json");
    await open("well", { stateDirectory });
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    await rm(stateDirectory, { recursive: true });
    await secondsUntil(() => existsSync(record), 60);
    assert.equal(JSON.parse(await readFile(record, "utf8")).pid, pid);
  });

  it("says so if a server asks for a key that nobody gave it", async () => {
    await open("wants-a-key");
    await want("default/chat");
    const { message } = await until("default/chat", inState("BackOff"));
    assert.match(message ?? "", /HTTP 401: it asks for an API key without --api-key-file, as where LLAMA_API_KEY/);
  });

  it("starts the next one though a start hangs", async () => {
    await open("hangs-at-once@default/a");
    await want("default/a");
    await want("default/b");
    const seconds = await secondsUntil(isReady("default/b"), 40);
    assert.ok(seconds > 5, "b may not start before the memory of a is flat");
    assert.equal(of("default/a")?.state, "Starting");
  });

  it("restarts a server whose GPU failed, as its log tells, though it is healthy", async () => {
    await open("gpu-fault");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    const down = await until("default/chat", inState("BackOff"));
    assert.equal(down.reason, "GpuFault");
    assert.match(down.message ?? "", /^a GPU command failed/);
    const again = await until("default/chat", inState("Ready"));
    assert.notEqual(again.pid, pid);
  });

  it("restarts a server that neither answers nor works, after three checks and a back-off", async () => {
    await open("hangs");
    await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    for (let checks = 0; checks < 3; checks += 1) {
      assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
      await tick(10_000);
      // Health is given five seconds of real time.
      await sleep(5200);
    }
    await tick(10_000);
    await sleep(5200);
    const down = await until("default/chat", inState("BackOff"));
    assert.equal(down.reason, "Unhealthy");
    await until("default/chat", (status) => status.state === "Ready" && status.pid !== pid);
  });

  describe("with API keys", () => {
    let file: string;
    let stateDirectory: string;
    const both = ["default/a", "default/b"];
    const problems = () => supervisor.problems();
    let supervisor: Awaited<ReturnType<typeof open>>;

    beforeEach(async () => {
      file = join(await temporaryDirectory(), "keys");
      await writeFile(file, "first-key\n", { mode: 0o600 });
      stateDirectory = await temporaryDirectory();
      supervisor = await open("well", { stateDirectory });
      for (const name of both) await wantWithKeys(name);
      for (const name of both) await until(name, inState("Ready"));
    });

    const wantWithKeys = async (name: string): Promise<Workload> => {
      const workload = await want(name);
      const withKeys = { fields: { ...workload.fields, apiKeyFile: file } };
      change(workload, withKeys);
      return { ...workload, ...withKeys };
    };
    const pids = () => both.map((name) => of(name)?.pid);
    const states = () => both.map((name) => of(name)?.state);
    const rotate = async (text: string) => {
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
    };

    it("keeps the last good keys while their file cannot be used, and says so once", async () => {
      const before = pids();
      await chmod(file, 0o640);
      await secondsUntil(() => problems().length > 0, 20);
      for (let ticks = 0; ticks < 60; ticks += 1) {
        await tick();
        await sleep(10);
      }
      assert.deepEqual([pids(), states()], [before, ["Ready", "Ready"]]);
      assert.equal(problems().length, 1);
      assert.match(problems().join(), /can be read by other users: run chmod 600 on it; servers keep the keys/);
      await wantWithKeys("default/c");
      await tick();
      assert.deepEqual([of("default/c")?.state, of("default/c")?.reason], ["Failed", "ApiKeyFileUnusable"]);
      await chmod(file, 0o600);
      await until("default/c", inState("Ready"));
      assert.deepEqual([problems(), pids()], [[], before]);
    });

    for (const [what, text] of [
      ["another key", "second-key\n"],
      ["one more key", "first-key\nsecond-key\n"],
    ] as const) {
      it(`restarts servers one by one once their file holds ${what}`, async () => {
        const [a, b] = pids();
        await rotate(text);
        await secondsUntil(() => of("default/a")?.state !== "Ready", 20);
        assert.equal(of("default/a")?.reason, "KeyChanged");
        assert.match(
          of("default/b")?.notes.join() ?? "",
          /API keys of before: it restarts .* once default\/a is Ready/,
        );
        await until("default/a", (status) => {
          if (status.state === "Ready" && status.pid !== a) return true;
          assert.deepEqual([of("default/b")?.state, of("default/b")?.pid], ["Ready", b]);
          return false;
        });
        await until("default/b", (status) => {
          assert.equal(of("default/a")?.state, "Ready");
          return status.state === "Ready" && status.pid !== b;
        });
        for (let ticks = 0; ticks < 30; ticks += 1) await tick();
        assert.deepEqual(states(), ["Ready", "Ready"]);
        assert.deepEqual(
          both.map((name) => of(name)?.restarts),
          [1, 1],
        );
      });
    }

    it("restarts none whose start would be refused, and says so", async () => {
      machine.footprint = () => 100 * MIB;
      for (const name of both) {
        const workload = wanted.get(workloadId(name));
        assert(workload?.kind === "run");
        change(workload.workload, { budget: { bytes: 200 * MIB, source: "crd-budget" } });
      }
      const before = pids();
      await rotate("second-key\n");
      await secondsUntil(() => /a restart would be refused$/.test(of("default/b")?.notes[0] ?? ""), 20);
      assert.deepEqual([pids(), states()], [before, ["Ready", "Ready"]]);
    });

    it("restarts a server whose keys changed while no agent was there", async () => {
      const [a] = pids();
      await rotate("first-key\nsecond-key\n");
      const platform = await thisPlatform();
      assert(platform.ok);
      const log = { info: () => {}, warn: () => {} };
      const adopted = await adoptAll({ stateDirectory, platform: platform.value, background, log, ended: () => {} });
      await open("well", { stateDirectory, adopted });
      await secondsUntil(() => of("default/a")?.reason === "KeyChanged", 20);
      assert.equal(of("default/a")?.pid, a);
    });

    it("restarts nobody if the keys are back before a look", async () => {
      const before = pids();
      await rotate("second-key\n");
      await rotate("first-key\n");
      for (let ticks = 0; ticks < 30; ticks += 1) {
        await tick();
        await sleep(10);
      }
      assert.deepEqual(pids(), before);
    });
  });
});

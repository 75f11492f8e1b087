import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type KeepAwake, keepAwake } from "../../../agent/keep-awake/keep-awake.ts";
import { isRunning } from "../../../agent/state/living.ts";
import type { State } from "../../../agent/status/status.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const MINUTE = 60_000;

/** Real processes; a script stands for caffeinate, and for what its `-w` does. */
describe("a Mac that is kept awake", function () {
  this.timeout(20_000);
  let folder: string;
  let now: number;
  let awake: KeepAwake;
  /** Stands for the agent. */
  let agent: ChildProcess;

  beforeEach(async () => {
    folder = await temporaryDirectory();
    now = 0;
    agent = spawn("sleep", ["300"], { stdio: "ignore" });
    await once(agent, "spawn");
    await open('while kill -0 "$4"; do sleep 0.05; done');
  });
  afterEach(() => {
    awake.close();
    agent.kill("SIGKILL");
  });

  const open = async (script: string) => {
    const caffeinate = join(folder, "stand-in-caffeinate");
    await writeFile(caffeinate, `#!/bin/sh\necho "$$ $*" >>"${folder}/calls"\n${script} 2>/dev/null\n`);
    await chmod(caffeinate, 0o755);
    awake = keepAwake({ caffeinate, pid: agent.pid ?? 0, clock: () => now });
  };
  const follow = (...states: readonly State[]) => awake.follow(states.map((state) => ({ state })));
  const calls = async () => (await readFile(join(folder, "calls"), "utf8").catch(() => "")).trim().split("\n");
  const until = async (holds: () => boolean | Promise<boolean>) => {
    for (let tries = 0; tries < 200; tries += 1) {
      if (await holds()) return;
      await sleep(20);
    }
    assert.fail("not reached");
  };
  /** The pid of the one that was called last. */
  const started = async (times = 1) => {
    await until(async () => (await calls()).filter((line) => line !== "").length === times);
    return Number((await calls()).at(-1)?.split(" ")[0]);
  };
  const ended = (pid: number) => until(async () => !(await isRunning(pid)));

  it("is so by one caffeinate, from the first Ready model to the last, and the status says it", async () => {
    follow("Starting", "Failed", "HeldBack");
    assert.deepEqual([awake.notes(), await calls()], [[], [""]]);
    follow("Ready", "Starting");
    const pid = await started();
    assert.deepEqual(await calls(), [`${pid} -i -s -w ${agent.pid}`]);
    assert.deepEqual(awake.notes(), [
      `this Mac is kept awake while a model is Ready (caffeinate, pid ${pid}); on battery power it may sleep`,
    ]);
    follow("Ready", "Ready");
    follow("Draining", "Ready");
    assert.ok(await isRunning(pid));
    follow("Draining", "Draining");
    assert.deepEqual(awake.notes(), []);
    await ended(pid);
    assert.deepEqual([awake.problems(), (await calls()).length], [[], 1]);
    follow("Ready");
    assert.notEqual(await started(2), pid);
  });

  it("may sleep while all its models do, and stays awake for a request that waits for one", async () => {
    const sleeping = (waiting: number) => ({ state: "Sleeping", demand: { waiting, inFlight: 0 } }) as const;
    follow("Sleeping", "Sleeping");
    awake.follow([sleeping(0)]);
    assert.deepEqual(await calls(), [""]);
    awake.follow([sleeping(0), sleeping(1)]);
    const pid = await started();
    awake.follow([{ ...sleeping(1), state: "Starting" }]);
    follow("Ready");
    assert.ok(await isRunning(pid));
    awake.follow([sleeping(0)]);
    await ended(pid);
    assert.equal((await calls()).length, 1);
  });

  it("is so no longer than the agent lives, whatever ends it", async () => {
    follow("Ready");
    const pid = await started();
    agent.kill("SIGKILL");
    await ended(pid);
  });

  it("may sleep when the agent is closed", async () => {
    follow("Ready");
    const pid = await started();
    awake.close();
    await ended(pid);
  });

  // Node.js throws the second error, as it does where there is no memory.
  for (const [code, path] of [
    ["ENOENT", () => join(folder, "missing")],
    ["ENOTDIR", () => join(import.meta.filename, "missing")],
  ] as const) {
    it(`says that caffeinate cannot be run (${code}), and looks again after a minute`, async () => {
      awake = keepAwake({ caffeinate: path(), pid: 1, clock: () => now });
      follow("Ready");
      await until(() => awake.problems().length === 1);
      const sentence = /^--keep-awake: .*missing cannot be run \((\w+)\): this Mac may sleep while a model is Ready$/;
      assert.equal(sentence.exec(awake.problems()[0] ?? "")?.[1], code);
      assert.deepEqual(awake.notes(), []);
      follow();
      assert.deepEqual(awake.problems(), []);
    });
  }

  it("says that it ended by itself, and starts it again after a minute, not at once", async () => {
    await open("exit 3");
    follow("Ready");
    await until(() => awake.problems().length === 1);
    assert.match(awake.problems()[0] ?? "", /ended by itself \(exit code 3\)/);
    now += MINUTE - 1;
    follow("Ready");
    assert.equal((await calls()).length, 1);
    now += 1;
    follow("Ready");
    await started(2);
  });
});

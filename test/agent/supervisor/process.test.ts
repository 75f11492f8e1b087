import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitReason } from "../../../agent/llama-server/exit-reason.ts";
import { adoptProcess, spawnProcess } from "../../../agent/supervisor/process.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { thisPlatform } from "../this-platform.ts";

describe("a server's process", function () {
  this.timeout(30_000);
  let logPath = "";
  beforeEach(async () => {
    logPath = join(await temporaryDirectory(), "default_chat.log");
  });
  const launched = async (script: string) => {
    const ended = Promise.withResolvers<void>();
    const server = spawnProcess({ file: "sh", args: ["-c", script], logPath, ended: ended.resolve });
    await ended.promise;
    return server;
  };

  // Node.js throws the second error, as it does where there is no memory.
  for (const file of ["/no/llama-server", join(import.meta.filename, "llama-server")]) {
    it(`LLMKube trap T17: exits with code 127 if it could not be spawned, and ignores signals: ${file.replace(/.*\/(?=.*\/)/, "")}`, async () => {
      const ended = Promise.withResolvers<void>();
      const server = spawnProcess({ file, args: [], logPath, ended: ended.resolve });
      await ended.promise;
      assert.equal(server.pid, undefined);
      assert.deepEqual(server.exit(), { code: 127, signal: null });
      server.signal("SIGKILL");
    });
  }

  it("takes with it what it started, also if that goes on after its end", async () => {
    const server = await launched(`sleep 300 & echo $!; sleep 300 & echo $!`);
    assert.deepEqual(server.exit(), { code: 0, signal: null });
    const started = readFileSync(logPath, "utf8").trim().split("\n").map(Number);
    assert.equal(started.length, 2);
    const platform = await thisPlatform();
    assert(platform.ok);
    const deadline = performance.now() + 5000;
    for (const pid of started) {
      while ((await platform.value.startTime(pid)) !== null) {
        assert(performance.now() < deadline, `pid ${pid} still runs`);
        await sleep(20);
      }
    }
  });

  it("keeps the logs of its last four starts", async () => {
    for (const start of [1, 2, 3, 4, 5]) await launched(`echo start ${start}`);
    const texts = ["", ".1", ".2", ".3"].map((number) => readFileSync(`${logPath}${number}`, "utf8"));
    assert.deepEqual(texts, ["start 5\n", "start 4\n", "start 3\n", "start 2\n"]);
    assert.ok(!existsSync(`${logPath}.4`));
  });

  it("that was adopted leaves nothing of its group when it exits: a wrapper may end before what it started", async () => {
    const platform = await thisPlatform();
    assert(platform.ok);
    const wrapper = spawn("sh", ["-c", "sleep 300 & echo $!; read line"], {
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const [line] = await once(wrapper.stdout, "data");
    const inner = Number(String(line));
    const pid = wrapper.pid ?? 0;
    const startTime = (await platform.value.startTime(pid)) ?? "";
    const ended = Promise.withResolvers<void>();
    adoptProcess({ pid, startTime, logPath, platform: platform.value, background, ended: ended.resolve });
    wrapper.stdin.end("go\n");
    await ended.promise;
    for (let looks = 0; looks < 50 && (await platform.value.startTime(inner)) !== null; looks += 1) await sleep(20);
    const left = await platform.value.startTime(inner);
    if (left !== null) process.kill(inner);
    assert.equal(left, null);
  });

  it("that was adopted is seen to exit, with an unknown exit status", async () => {
    const platform = await thisPlatform();
    assert(platform.ok);
    const child = spawn("sleep", ["300"], { detached: true, stdio: "ignore" });
    await once(child, "spawn");
    const pid = child.pid ?? 0;
    const startTime = (await platform.value.startTime(pid)) ?? "";
    const ended = Promise.withResolvers<void>();
    const server = adoptProcess({
      pid,
      startTime,
      logPath,
      platform: platform.value,
      background,
      ended: ended.resolve,
    });
    assert.equal(server.exit(), undefined);
    server.signal("SIGTERM");
    await ended.promise;
    assert.deepEqual(server.exit(), { code: null, signal: null });
    assert.match(exitReason({ code: null, signal: null }, "").message, /^llama-server exited \(exit status unknown\)/);
  });

  it("that was adopted is not taken for gone while it cannot be looked for", async () => {
    const answers: (string | null | undefined)[] = ["t", undefined, "abstime:7", undefined, null];
    const platform = { startTime: async () => (answers.length > 1 ? answers.shift() : answers[0]) };
    const seen: number[] = [];
    const ended = Promise.withResolvers<void>();
    const server = adoptProcess({
      ...{ pid: 4711, startTime: "t", logPath, platform, background },
      ended: () => {
        seen.push(answers.length);
        ended.resolve();
      },
    });
    await ended.promise;
    assert.deepEqual([seen, server.exit()], [[1], { code: null, signal: null }]);
  });
});

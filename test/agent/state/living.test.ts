import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isRunning } from "../../../agent/state/living.ts";

describe("whether a process runs", () => {
  it("is true of this one and of that of another user, false of one that is gone", async () => {
    assert.equal(await isRunning(process.pid), true);
    assert.equal(await isRunning(1), true);
    const child = spawn("true");
    await once(child, "exit");
    assert.equal(await isRunning(child.pid ?? 0), false);
  });

  it("is false of one that has exited, and whose parent does not ask how", async () => {
    // The shell starts one, becomes another program, and that one never waits for it.
    const parent = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"]);
    try {
      const [printed] = await once(parent.stdout, "data");
      const pid = Number(String(printed));
      const state = async () => (await promisify(execFile)("ps", ["-o", "stat=", "-p", String(pid)])).stdout;
      for (let tries = 0; tries < 100 && !(await state()).startsWith("Z"); tries += 1) await sleep(20);
      assert.match(await state(), /^Z/);
      assert.equal(await isRunning(pid), false);
    } finally {
      parent.kill("SIGKILL");
    }
  });
});

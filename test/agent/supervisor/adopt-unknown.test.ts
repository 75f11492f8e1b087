import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Platform } from "../../../agent/host/platform.ts";
import { logPathOf, recordsFolder } from "../../../agent/state/layout.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { writeRecord } from "../../../agent/supervisor/records.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload, background, fields } from "../samples.ts";
import { thisPlatform } from "../this-platform.ts";

describe("a server whose record was written by an agent that read start times in another way", function () {
  this.timeout(30_000);
  const id = workloadId("default/chat");
  let child: ChildProcess;
  let linux: Platform;
  let stateDirectory: string;

  beforeEach(async () => {
    const opened = await thisPlatform();
    assert(opened.ok);
    linux = opened.value;
    stateDirectory = await temporaryDirectory();
    const logPath = logPathOf(stateDirectory, id);
    await mkdir(dirname(logPath));
    const log = openSync(logPath, "a");
    child = spawn("sleep", ["300"], { detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    await once(child, "spawn");
    const served = {
      ...{ workload: aWorkload(), specHash: "h", fields, modelPath: "/m", estimateBytes: 1, ready: true },
    };
    const { bootId } = linux;
    const process = { bootId, logPath, pid: child.pid, startTime: "Sat Nov 21 10:00:00 2026" };
    writeRecord(recordsFolder(stateDirectory), { id, name: id, ...process, served });
  });

  afterEach(() => {
    child.kill("SIGKILL");
  });

  const takeOver = async (writersOf: Platform["writersOf"]) => {
    const warned: string[] = [];
    const log = { info: () => {}, warn: (line: string) => warned.push(line) };
    const platform = { ...linux, startTime: async () => "abstime:7", writersOf };
    const adopted = await adoptAll({ stateDirectory, platform, background, log, ended: () => {} });
    const records = await readdir(recordsFolder(stateDirectory));
    return { pids: adopted.map(({ process }) => process.pid), warned, records, lives: child.signalCode === null };
  };

  it("is adopted if it writes its log", async () => {
    const { pids, lives } = await takeOver(linux.writersOf);
    assert.deepEqual([pids, lives], [[child.pid], true]);
  });

  for (const [what, writers] of [
    ["who writes its log cannot be read", undefined],
    ["it does not write its log", []],
  ] as const) {
    it(`is neither ended nor forgotten if ${what}`, async () => {
      const { pids, warned, records, lives } = await takeOver(async () => writers);
      assert.deepEqual([pids, records, lives], [[], ["default_chat.json"], true]);
      assert.match(warned.join(), /whether its server still runs cannot be read/);
    });
  }
});

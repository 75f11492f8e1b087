import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openLinux } from "../../../agent/host/linux/linux.ts";
import type { Platform } from "../../../agent/host/platform.ts";
import { recordsFolder } from "../../../agent/state/layout.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { removeRecord, type ServerRecord, writeRecord } from "../../../agent/supervisor/records.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload, background, fields } from "../samples.ts";

describe("servers that an agent before this one left behind", function () {
  this.timeout(30_000);
  let platform: Platform;
  let stateDirectory: string;
  let folder: string;
  let logPath: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    const linux = await openLinux();
    assert(linux.ok);
    platform = linux.value;
    stateDirectory = await temporaryDirectory();
    folder = recordsFolder(stateDirectory);
    await mkdir(folder);
    await mkdir(join(stateDirectory, "logs"));
    logPath = join(stateDirectory, "logs", "default_chat.log");
    await writeFile(logPath, "");
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** A process in a group of its own whose output goes to `output`. */
  const launch = async (output: string, script = "sleep 300") => {
    const file = openSync(output, "a");
    const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", file, file] });
    closeSync(file);
    children.push(child);
    await once(child, "spawn");
    assert(child.pid);
    return { child, pid: child.pid, startTime: (await platform.startTime(child.pid)) ?? "" };
  };
  const id = workloadId("default/chat");
  const record = (part: Partial<ServerRecord> = {}) =>
    writeRecord(folder, { id, name: id, bootId: platform.bootId, logPath, ...part });
  /** Names of those that were ended. */
  const adoptedAndEnded = async () => {
    const warned: string[] = [];
    const log = {
      info: () => {},
      warn: (line: string) => {
        warned.push(line);
      },
    };
    const adopted = await adoptAll({ stateDirectory, platform, background, log, ended: () => {} });
    return { adopted, ended: warned.map((line) => line.replace(": ended what an earlier agent left behind", "")) };
  };
  const leftovers = async () => (await adoptedAndEnded()).ended;
  const lives = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;
  const elsewhere = () => join(folder, "..", "elsewhere.log");

  it("are ended by pid, start time and boot", async () => {
    const { child, pid, startTime } = await launch("/dev/null");
    record({ pid, startTime });
    assert.deepEqual(await leftovers(), ["default/chat"]);
    assert.equal(lives(child), false);
    assert.deepEqual(await readdir(folder), []);
  });

  it("are found by their log where the agent died between the spawn and its record", async () => {
    const { child } = await launch(logPath);
    record();
    assert.deepEqual(await leftovers(), ["default/chat"]);
    assert.equal(lives(child), false);
  });

  it("are ended with all that they started", async () => {
    const { child, pid, startTime } = await launch(logPath, "sleep 301 & sleep 302");
    record({ pid, startTime });
    await leftovers();
    assert.equal(lives(child), false);
    assert.deepEqual(await platform.writersOf(logPath), []);
  });

  it("are killed where they ignore SIGTERM", async () => {
    const { child, pid, startTime } = await launch(logPath, 'trap "" TERM; echo trapped; while :; do sleep 0.1; done');
    while ((await readFile(logPath, "utf8")) !== "trapped\n") await sleep(10);
    record({ pid, startTime });
    await leftovers();
    assert.equal(child.signalCode, "SIGKILL");
  });

  const strangers: readonly (readonly [
    what: string,
    part: (pid: number, startTime: string) => Partial<ServerRecord>,
  ])[] = [
    ["that has the pid by now", (pid, startTime) => ({ pid, startTime: `${startTime}1` })],
    ["of another boot", (pid, startTime) => ({ pid, startTime, bootId: "another" })],
    ["whose record never got a start time", (pid) => ({ pid })],
  ];
  for (const [what, part] of strangers) {
    it(`leaves alone a process ${what}`, async () => {
      const { child, pid, startTime } = await launch("/dev/null");
      record(part(pid, startTime));
      assert.deepEqual(await leftovers(), []);
      assert.equal(lives(child), true);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it("leaves alone who reads the log", async () => {
    const { child } = await launch(elsewhere(), `exec tail -f ${logPath}`);
    record();
    assert.deepEqual(await leftovers(), []);
    assert.equal(lives(child), true);
  });

  it("whose records another version wrote are ended by their identity, never left to run unwatched", async () => {
    const { child, pid, startTime } = await launch("/dev/null");
    const foreign = { version: 1, name: "default/chat", port: 1, bootId: platform.bootId, logPath, pid, startTime };
    await writeFile(join(folder, "default_chat.json"), JSON.stringify({ ...foreign, served: { workload: {} } }));
    assert.deepEqual(await leftovers(), ["default_chat"]);
    assert.equal(lives(child), false);
    assert.deepEqual(await readdir(folder), []);
  });

  it("whose records are damaged are found by the log that has the record's name", async () => {
    const { child } = await launch(logPath);
    await writeFile(join(folder, "default_chat.json"), "{");
    assert.deepEqual(await leftovers(), ["default_chat"]);
    assert.equal(lives(child), false);
  });

  it("are not looked for in a record that is about no process", async () => {
    await writeFile(join(folder, "default_chat.json"), '{"name":"default/chat","pid":1}');
    assert.deepEqual(await leftovers(), []);
    assert.deepEqual(await readdir(folder), []);
  });

  it("are adopted from a record that has a field more", async () => {
    const { child, pid, startTime } = await launch(logPath);
    const workload = aWorkload();
    const served = { workload, specHash: "h", fields, modelPath: "/m", estimateBytes: 1, ready: true, more: "later" };
    const whole = { version: 2, id, name: id, bootId: platform.bootId, logPath, pid, startTime, served, more: 1 };
    await writeFile(join(folder, "default_chat.json"), JSON.stringify(whole));
    const { adopted, ended } = await adoptedAndEnded();
    assert.deepEqual([adopted.map(({ process }) => process.pid), ended], [[pid], []]);
    assert.equal(lives(child), true);
  });

  it("removes what was half written when the agent was killed", async () => {
    await writeFile(join(folder, "default_chat.json.2960814705"), "{");
    await leftovers();
    assert.deepEqual(await readdir(folder), []);
  });

  it("keeps a record a name, apart in every namespace (LLMKube trap T9)", async () => {
    record();
    record({ id: workloadId("other/chat") });
    assert.equal((await readdir(folder)).length, 2);
    removeRecord(folder, workloadId("other/chat"));
    assert.deepEqual(await readdir(folder), ["default_chat.json"]);
  });
});

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Platform } from "../../../agent/host/platform.ts";
import { recordsFolder } from "../../../agent/state/layout.ts";
import { adoptAll, adoptedEntry } from "../../../agent/supervisor/adopt.ts";
import { chargeBytes } from "../../../agent/supervisor/entry.ts";
import type { AdoptedServer } from "../../../agent/supervisor/options.ts";
import { removeRecord, type ServerRecord, writeRecord } from "../../../agent/supervisor/records.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload, background, fields } from "../samples.ts";
import { thisPlatform } from "../this-platform.ts";

describe("servers that an earlier agent left behind", function () {
  this.timeout(30_000);
  let platform: Platform;
  let stateDirectory: string;
  let folder: string;
  let logPath: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    const linux = await thisPlatform();
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
  /** The adopted servers, and the names of the orphans that were ended. */
  const adoptedAndEnded = async () => {
    const warned: string[] = [];
    const log = {
      info: () => {},
      warn: (line: string) => {
        warned.push(line);
      },
    };
    const adopted = await adoptAll({ stateDirectory, platform, background, log, ended: () => {} });
    return {
      adopted,
      ended: warned.map((line) => line.replace(": ended the orphaned llama-server of an earlier agent", "")),
    };
  };
  const endedNames = async () => (await adoptedAndEnded()).ended;
  const lives = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;
  const elsewhere = () => join(folder, "..", "elsewhere.log");

  it("are recognised by pid, start time and boot, and ended", async () => {
    const { child, pid, startTime } = await launch("/dev/null");
    record({ pid, startTime });
    assert.deepEqual(await endedNames(), ["default/chat"]);
    assert.equal(lives(child), false);
    assert.deepEqual(await readdir(folder), []);
  });

  it("are found by their log if the agent was killed between the spawn and the record of its pid", async () => {
    const { child } = await launch(logPath);
    record();
    assert.deepEqual(await endedNames(), ["default/chat"]);
    assert.equal(lives(child), false);
  });

  it("are ended with all their child processes", async () => {
    const { child, pid, startTime } = await launch(logPath, "sleep 301 & sleep 302");
    record({ pid, startTime });
    await endedNames();
    assert.equal(lives(child), false);
    assert.deepEqual(await platform.writersOf(logPath), []);
  });

  it("are killed if they ignore SIGTERM", async () => {
    const { child, pid, startTime } = await launch(logPath, 'trap "" TERM; echo trapped; while :; do sleep 0.1; done');
    for (let tries = 0; tries < 500 && (await readFile(logPath, "utf8")) !== "trapped\n"; tries += 1) await sleep(10);
    record({ pid, startTime });
    await endedNames();
    assert.equal(child.signalCode, "SIGKILL");
  });

  it("are held while another one that ignores SIGTERM is still being ended", async () => {
    const stubborn = join(stateDirectory, "logs", "default_stubborn.log");
    await writeFile(stubborn, "");
    const { pid, startTime } = await launch(stubborn, 'trap "" TERM; echo trapped; while :; do sleep 0.1; done');
    for (let tries = 0; tries < 500 && (await readFile(stubborn, "utf8")) !== "trapped\n"; tries += 1) await sleep(10);
    const other = workloadId("default/stubborn");
    writeRecord(folder, { id: other, name: other, bootId: platform.bootId, logPath: stubborn, pid, startTime });
    const workload = aWorkload();
    const served = { workload, specHash: "h", fields, modelPath: "/m", estimateBytes: 1, ready: true };
    const { pid: adopted, startTime: since } = await launch(logPath);
    record({ pid: adopted, startTime: since, served });
    const log = { info: () => {}, warn: () => {} };
    const heldAfter = Promise.withResolvers<readonly (number | undefined)[]>();
    const hold = (those: readonly AdoptedServer[]) => heldAfter.resolve(those.map(({ process }) => process.pid));
    const all = adoptAll({ stateDirectory, platform, background, log, ended: () => {}, hold });
    const first = await Promise.race([heldAfter.promise, all]);
    assert.deepEqual(first, [adopted]);
    await all;
  });

  for (const projectedBytes of [5, undefined]) {
    it(`are charged as before: with a projection of ${projectedBytes} beside an estimate of 3`, async () => {
      const served = { workload: aWorkload(), specHash: "h", fields, modelPath: "/m", estimateBytes: 3, ready: true };
      const { pid, startTime } = await launch(logPath);
      record({ pid, startTime, served: { ...served, projectedBytes } });
      const { adopted } = await adoptedAndEnded();
      const charges = adopted.map((one) => chargeBytes(adoptedEntry(one, { kernelLimit: undefined, clock: () => 0 })));
      assert.deepEqual(charges, [projectedBytes ?? 3]);
    });
  }

  const unrelated: readonly (readonly [
    what: string,
    part: (pid: number, startTime: string) => Partial<ServerRecord>,
  ])[] = [
    ["that has been given the pid since", (pid, startTime) => ({ pid, startTime: `${startTime}1` })],
    ["of another boot", (pid, startTime) => ({ pid, startTime, bootId: "another" })],
    ["whose record never got a start time", (pid) => ({ pid })],
  ];
  for (const [what, part] of unrelated) {
    it(`leaves alone a process ${what}`, async () => {
      const { child, pid, startTime } = await launch("/dev/null");
      record(part(pid, startTime));
      assert.deepEqual(await endedNames(), []);
      assert.equal(lives(child), true);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it("leaves alone a process that reads the log", async () => {
    const { child } = await launch(elsewhere(), `exec tail -f ${logPath}`);
    record();
    assert.deepEqual(await endedNames(), []);
    assert.equal(lives(child), true);
  });

  it("are ended if their record is of another version, never left to run unwatched", async () => {
    const { child, pid, startTime } = await launch("/dev/null");
    const foreign = { version: 1, name: "default/chat", port: 1, bootId: platform.bootId, logPath, pid, startTime };
    await writeFile(join(folder, "default_chat.json"), JSON.stringify({ ...foreign, served: { workload: {} } }));
    assert.deepEqual(await endedNames(), ["default_chat"]);
    assert.equal(lives(child), false);
    assert.deepEqual(await readdir(folder), []);
  });

  it("are found by the log of the record's name if their record is damaged", async () => {
    const { child } = await launch(logPath);
    await writeFile(join(folder, "default_chat.json"), "{");
    assert.deepEqual(await endedNames(), ["default_chat"]);
    assert.equal(lives(child), false);
  });

  it("are ended beside what is no record: a folder, a named pipe", async () => {
    await mkdir(join(folder, "default_more.json"));
    execFileSync("mkfifo", [join(folder, "default_pipe.json")]);
    const { child, pid, startTime } = await launch("/dev/null");
    record({ pid, startTime });
    assert.deepEqual(await endedNames(), ["default/chat"]);
    assert.equal(lives(child), false);
  });

  it("are neither ended nor forgotten while it cannot be read whether they run", async () => {
    const { child, pid, startTime } = await launch(logPath);
    record({ pid, startTime });
    const blind = { ...platform, startTime: async () => undefined };
    const warned: string[] = [];
    const log = { info: () => {}, warn: (line: string) => warned.push(line) };
    assert.deepEqual(await adoptAll({ stateDirectory, platform: blind, background, log, ended: () => {} }), []);
    assert.match(warned.join(), /whether pid \d+ still runs cannot be read/);
    assert.equal(lives(child), true);
    assert.deepEqual(await readdir(folder), ["default_chat.json"]);
  });

  it("are forgotten after another boot, whether or not it can be read what runs now", async () => {
    record({ pid: process.pid, startTime: "1", bootId: "another" });
    const blind = { ...platform, startTime: async () => undefined };
    const log = { info: () => {}, warn: (line: string) => assert.fail(line) };
    assert.deepEqual(await adoptAll({ stateDirectory, platform: blind, background, log, ended: () => {} }), []);
    assert.deepEqual(await readdir(folder), []);
  });

  it("are not looked for if a record names no process", async () => {
    await writeFile(join(folder, "default_chat.json"), '{"name":"default/chat","pid":1}');
    assert.deepEqual(await endedNames(), []);
    assert.deepEqual(await readdir(folder), []);
  });

  it("are adopted from a record with unknown fields", async () => {
    const { child, pid, startTime } = await launch(logPath);
    const workload = aWorkload();
    const served = { workload, specHash: "h", fields, modelPath: "/m", estimateBytes: 1, ready: true, more: "later" };
    const whole = { version: 2, id, name: id, bootId: platform.bootId, logPath, pid, startTime, served, more: 1 };
    await writeFile(join(folder, "default_chat.json"), JSON.stringify(whole));
    const { adopted, ended } = await adoptedAndEnded();
    assert.deepEqual([adopted.map(({ process }) => process.pid), ended], [[pid], []]);
    assert.equal(lives(child), true);
  });

  it("deletes the stale temporary files of a killed agent", async () => {
    await writeFile(join(folder, "default_chat.json.2960814705"), "{");
    await endedNames();
    assert.deepEqual(await readdir(folder), []);
  });

  it("have one record per name and namespace (LLMKube trap T9)", async () => {
    record();
    record({ id: workloadId("other/chat") });
    assert.equal((await readdir(folder)).length, 2);
    removeRecord(folder, workloadId("other/chat"));
    assert.deepEqual(await readdir(folder), ["default_chat.json"]);
  });
});

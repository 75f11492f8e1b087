import assert from "node:assert/strict";
import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WOBBLE_MS } from "../../../agent/status/changes.ts";
import type { StatusSink } from "../../../agent/status/sink.ts";
import { fileSink, HEARTBEAT_MS, readHeartbeat, readStatus } from "../../../agent/status/status-file.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus, aWorkloadStatus, GIB } from "../http/recorded.ts";

const LONG_AGO = new Date("2026-01-01T00:00:00Z");

describe("status.json", () => {
  let now: number;
  let folder: string;
  let sink: StatusSink;
  beforeEach(async () => {
    now = 0;
    folder = await temporaryDirectory();
    sink = fileSink(folder, () => now);
  });

  const path = () => join(folder, "status.json");
  const measured = (bytes: number) => aStatus([aWorkloadStatus("default/chat", { measuredBytes: bytes })]);
  /** Of the file: another one after each writing, because a new file takes the name. */
  const inode = async () => (await stat(path())).ino;
  const bytesInFile = async () => {
    const status = await readStatus(folder);
    assert(status.ok, status.ok ? "" : status.error);
    return status.value.workloads[0]?.measuredBytes;
  };

  it("is written once where nothing changes for a day, and tells its age all the same", async () => {
    await sink.publish(measured(GIB));
    const [first, text] = [await inode(), await readFile(path(), "utf8")];
    for (let beats = 0; beats < 3; beats += 1) {
      await utimes(path(), LONG_AGO, LONG_AGO);
      now += HEARTBEAT_MS * 9600;
      await sink.publish(aStatus([aWorkloadStatus("default/chat", { measuredBytes: GIB })]));
      const heartbeat = await readHeartbeat(folder);
      assert(heartbeat !== undefined && Date.now() - heartbeat.getTime() < 10_000);
    }
    assert.deepEqual([await inode(), await readFile(path(), "utf8")], [first, text]);
  });

  it("is not even touched more often than every 3 s", async () => {
    await sink.publish(measured(GIB));
    await utimes(path(), LONG_AGO, LONG_AGO);
    now += HEARTBEAT_MS - 1;
    await sink.publish(measured(GIB));
    assert.equal((await readHeartbeat(folder))?.getTime(), LONG_AGO.getTime());
    now += 1;
    await sink.publish(measured(GIB));
    assert.notEqual((await readHeartbeat(folder))?.getTime(), LONG_AGO.getTime());
  });

  it("is written at once where a state changed, and where memory moved far", async () => {
    await sink.publish(measured(GIB));
    await sink.publish(measured(2 * GIB));
    assert.equal(await bytesInFile(), 2 * GIB);
    await sink.publish(aStatus([]));
    assert.equal(await bytesInFile(), undefined);
  });

  it("holds what wobbles within 30 s, also where it drifts in small steps", async () => {
    await sink.publish(measured(GIB));
    now += WOBBLE_MS - 1;
    await sink.publish(measured(GIB + 4096));
    assert.equal(await bytesInFile(), GIB);
    now += 1;
    await sink.publish(measured(GIB + 4096));
    assert.equal(await bytesInFile(), GIB + 4096);
    for (let steps = 0; steps < 5; steps += 1) await sink.publish(measured(GIB + steps * 4 * 2 ** 20));
    assert.equal(await bytesInFile(), GIB + 4096);
    await sink.publish(measured(GIB + 20 * 2 ** 20));
    assert.equal(await bytesInFile(), GIB + 20 * 2 ** 20);
  });

  it("is written again where somebody removed it", async () => {
    await sink.publish(measured(GIB));
    await rm(path());
    now += HEARTBEAT_MS;
    await sink.publish(measured(GIB));
    assert.equal(await bytesInFile(), GIB);
  });

  it("is tried again at the next status where it could not be written", async () => {
    await rm(folder, { recursive: true });
    await writeFile(folder, "a file where the folder was");
    await assert.rejects(sink.publish(measured(GIB)), { code: "ENOTDIR" });
    await assert.rejects(sink.publish(measured(GIB)), { code: "ENOTDIR" });
    assert.equal(await readHeartbeat(folder), undefined);
  });
});

import assert from "node:assert/strict";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { recordPath, recordsFolder, watchdogPath } from "../../../agent/state/layout.ts";
import { ranInAnotherBoot } from "../../../agent/supervisor/ran-before.ts";
import { type ServerRecord, writeRecord } from "../../../agent/supervisor/records.ts";
import { digestOfRun } from "../../../agent/workload/desired.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload, fields } from "../samples.ts";

const id = workloadId("default/chat");
const workload = aWorkload({ id, specHash: "a" });
const served = {
  ...{ workload, specHash: "a", fields, modelPath: "/models/chat.gguf", estimateBytes: 1, ready: true },
  startedAt: "2026-08-09T09:00:00.000Z",
};
const record: ServerRecord = { id, name: id, bootId: "one", logPath: "/l", pid: 401, startTime: "1", served };

describe("what ran in another boot", () => {
  let stateDirectory: string;
  beforeEach(async () => {
    stateDirectory = await temporaryDirectory();
  });
  const folder = () => recordsFolder(stateDirectory);
  const at = async (path: string, time: string) => utimes(path, new Date(time), new Date(time));
  const untils = async () => {
    const found = await ranInAnotherBoot(stateDirectory, "two");
    return found.map(({ ran }) => new Date(ran.until).toISOString().slice(11, 16));
  };

  it("is what a record of another boot serves", async () => {
    writeRecord(folder(), record);
    await at(recordPath(folder(), id), "2026-08-09T09:10:00Z");
    assert.deepEqual(await ranInAnotherBoot(stateDirectory, "two"), [
      {
        ...{ id, name: id, wanted: digestOfRun(workload) },
        ran: {
          ...{ bootId: "one", pid: 401, startedAt: Date.parse("2026-08-09T09:00:00Z") },
          until: Date.parse("2026-08-09T09:10:00Z"),
        },
      },
    ]);
  });

  it("ran until the agent was last seen, by its heartbeat, its watchdog or its record", async () => {
    writeRecord(folder(), record);
    await at(recordPath(folder(), id), "2026-08-09T09:10:00Z");
    assert.deepEqual(await untils(), ["09:10"]);
    await writeFile(join(stateDirectory, "status.json"), "{}");
    await at(join(stateDirectory, "status.json"), "2026-08-09T09:20:00Z");
    assert.deepEqual(await untils(), ["09:20"]);
    await writeFile(watchdogPath(stateDirectory), "{}");
    await at(watchdogPath(stateDirectory), "2026-08-09T09:30:00Z");
    assert.deepEqual(await untils(), ["09:30"]);
  });

  it("is nothing of this boot, no question for a projection, and nothing of a damaged record", async () => {
    writeRecord(folder(), { ...record, bootId: "two" });
    writeRecord(folder(), { ...record, id: workloadId("default/asked"), served: undefined });
    await writeFile(recordPath(folder(), workloadId("default/bad")), "{");
    assert.deepEqual(await untils(), []);
  });
});

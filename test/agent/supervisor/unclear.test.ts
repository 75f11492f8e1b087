import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { signalGroup } from "../../../agent/host/signal-group.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { unclearRecords } from "../../../agent/supervisor/unclear.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { stage } from "../stage.ts";
import { thisPlatform } from "../this-platform.ts";

const NAME = "default/chat";

describe("a server of an earlier agent of which it cannot be told whether it runs, with stand-ins", function () {
  this.timeout(60_000);
  const { open, want, change, tick, of, until, inState } = stage();
  let stateDirectory: string;
  let record: string;
  let pid: number;
  let blind: boolean;
  let said: string[];

  afterEach(() => {
    signalGroup(pid, "SIGKILL");
  });

  /** An agent serves and is gone; the next one cannot look at its processes while `blind`, and wants the model on another port. */
  const succeeded = async () => {
    stateDirectory = await temporaryDirectory();
    record = join(stateDirectory, "servers", "default_chat.json");
    await open("well", { stateDirectory });
    const workload = await want(NAME);
    pid = (await until(NAME, inState("Ready"))).pid ?? 0;
    const opened = await thisPlatform();
    assert(opened.ok);
    const { startTime } = opened.value;
    const platform = {
      ...opened.value,
      startTime: async (one: number) => (blind ? undefined : startTime(one)),
      writersOf: async (path: string) => (blind ? undefined : opened.value.writersOf(path)),
    };
    [blind, said] = [true, []];
    const log = { info: (line: string) => said.push(line), warn: (line: string) => said.push(line) };
    const adopting = { stateDirectory, platform, background, log, ended: () => {} };
    const unclear = unclearRecords(
      adopting,
      () => {},
      () => sleep(50),
    );
    const adopted = await adoptAll({ ...adopting, unclear: unclear.add });
    assert.deepEqual(adopted, []);
    await open("well", { stateDirectory, adopted, unclear });
    const other = await want(NAME);
    change(workload, { fields: other.fields, specHash: "another" });
  };

  it("keeps its record, nothing is asked or started beside it, and it is adopted as soon as that can be told", async () => {
    await succeeded();
    for (let ticks = 0; ticks < 20; ticks += 1) {
      await tick();
      await sleep(30);
    }
    assert.deepEqual([of(NAME)?.state, of(NAME)?.reason], ["Pending", "ServerUnclear"]);
    assert.match(of(NAME)?.message ?? "", /cannot be told: looking again; if none runs, remove .*default_chat\.json$/);
    assert.equal(JSON.parse(await readFile(record, "utf8")).pid, pid);
    blind = false;
    // It has other settings than those that are wanted now, so it is drained first.
    await until(NAME, (status) => status.state === "Ready" && status.pid !== pid);
    assert.match(
      said.at(-1) ?? "",
      new RegExp(`adopted the running llama-server of an earlier agent \\(pid ${pid}\\)`),
    );
  });

  it("is forgotten when a person has removed its record", async () => {
    await succeeded();
    await until(NAME, inState("Pending"));
    await rm(record);
    await until(NAME, inState("Ready"));
    assert.ok(existsSync(record));
  });
});

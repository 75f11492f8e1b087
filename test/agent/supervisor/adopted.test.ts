import assert from "node:assert/strict";
import { type Holding, heldBytesOf } from "../../../agent/claims/holding.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { alone, background } from "../samples.ts";
import { MIB, stage } from "../stage.ts";
import { thisPlatform } from "../this-platform.ts";

describe("the supervisor after an agent that was killed", function () {
  this.timeout(60_000);
  const { machine, unwant, open, want, change, tick, of, until, inState } = stage();

  /** The server goes on under a second supervisor, which reads what the first one left. */
  const adoptFrom = async (stateDirectory: string) => {
    const platform = await thisPlatform();
    assert(platform.ok);
    const log = { info: () => {}, warn: () => {} };
    return adoptAll({ stateDirectory, platform: platform.value, background, log, ended: () => {} });
  };

  it("judges by the budget that was in force last, also while the source of the work never syncs", async () => {
    const stateDirectory = await temporaryDirectory();
    await open("well", { stateDirectory });
    const workload = await want("default/chat");
    const { pid } = await until("default/chat", inState("Ready"));
    change(workload, { budget: { bytes: 700 * MIB, source: "crd-budget" } });
    await tick();
    unwant("default/chat");
    machine.synced = false;
    await open("well", { stateDirectory, adopted: await adoptFrom(stateDirectory) });
    await until("default/chat", inState("Ready"));
    machine.footprint = () => 650 * MIB;
    for (let ticks = 0; ticks < 5; ticks += 1) await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    machine.footprint = () => 750 * MIB;
    const over = await until("default/chat", inState("Draining"));
    assert.match(over.message ?? "", /^measured 750\.0 MiB, budget 700\.0 MiB/);
  });

  it("starts nothing beside a server before it is known how much that holds by now", async () => {
    const stateDirectory = await temporaryDirectory();
    await open("well", { stateDirectory });
    await want("default/chat", { budget: { bytes: 900 * MIB, source: "crd-budget" } });
    await until("default/chat", inState("Ready"));
    machine.footprint = (name) => (name === "default/chat" ? 800 * MIB : 0);
    await open("well", { stateDirectory, adopted: await adoptFrom(stateDirectory) });
    await want("default/more");
    machine.watched = false;
    await tick();
    assert.match(of("default/more")?.message ?? "", /^waits until the memory of default\/chat can be measured/);
    machine.watched = true;
    await tick();
    assert.match(
      of("default/more")?.message ?? "",
      /224\.0 MiB of 1\.0 GiB are free; held by default\/chat 800\.0 MiB/,
    );
  });

  it("tells other agents nothing of a server before it is known how much that holds by now", async () => {
    const stateDirectory = await temporaryDirectory();
    await open("well", { stateDirectory });
    await want("default/chat", { budget: { bytes: 900 * MIB, source: "crd-budget" } });
    await until("default/chat", inState("Ready"));
    machine.footprint = () => 800 * MIB;
    const told: number[] = [];
    const hold = ({ servers }: Holding) => told.push(heldBytesOf(servers));
    const adopted = await adoptFrom(stateDirectory);
    await open("well", { stateDirectory, adopted, claims: { ...alone, hold } });
    machine.watched = false;
    await tick();
    assert.deepEqual(told, []);
    machine.watched = true;
    await tick();
    assert.deepEqual(told, [800 * MIB]);
  });

  it("ends a server that the source does not name as soon as the source has seen all that it holds", async () => {
    const stateDirectory = await temporaryDirectory();
    await open("well", { stateDirectory });
    await want("default/chat");
    await until("default/chat", inState("Ready"));
    unwant("default/chat");
    machine.synced = false;
    await open("well", { stateDirectory, adopted: await adoptFrom(stateDirectory) });
    await until("default/chat", inState("Ready"));
    machine.synced = true;
    await tick();
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.reason], ["Draining", "Removed"]);
  });
});

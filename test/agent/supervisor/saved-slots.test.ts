import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { thisPlatform } from "../this-platform.ts";
import { NAME, NOTHING, OTHER, SAVED, slotScene, TOKENS } from "./saved-slots-scene.ts";

describe("saved conversations, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const {
    want,
    unwant,
    change,
    tick,
    of,
    until,
    inState,
    machine,
    opened,
    folder,
    filesIn,
    woken,
    talked,
    unloaded,
    filesOnce,
    logOf,
    countsOnce,
    savedOnce,
    book,
    state,
  } = slotScene();

  it("come back at the wake, before a request is let through, and leave nothing behind", async () => {
    const workload = await savedOnce("slots-well");
    await countsOnce(SAVED);
    const [slot = "", ...others] = await filesIn();
    assert.match(slot, /^[0-9a-f]{32}-0\.slot$/);
    assert.deepEqual(others, ["saved.json"]);
    const paths = [folder(), join(folder(), slot), join(folder(), "saved.json")];
    const modes = await Promise.all(paths.map((path) => stat(path)));
    assert.deepEqual(
      modes.map(({ mode }) => (mode & 0o777).toString(8)),
      ["700", "600", "600"],
    );
    const noted = JSON.parse(await readFile(join(folder(), "saved.json"), "utf8")) as object;
    assert.deepEqual(Object.keys(noted).sort(), ["digest", "files", "savedAt", "version"]);

    const ready = await woken(workload);
    assert.deepEqual([ready.restarts, ready.wakes], [0, 2]);
    assert.match(await logOf(), /restored 1000 tokens/);
    await countsOnce({ saves: 1, restores: 1, restoredTokens: TOKENS });
    await filesOnce(0);
  });

  it("are not of a few tokens, nor of a model without conversations since its wake", async () => {
    await opened("slots-well");
    const workload = await want(NAME);
    await woken(workload);
    await unloaded();
    await countsOnce(NOTHING);
    await filesOnce(0);
  });

  it("are saved again after a wake, and replace nothing of others", async () => {
    const workload = await savedOnce("slots-well");
    await woken(workload);
    await unloaded();
    await countsOnce({ saves: 2, restores: 1, restoredTokens: TOKENS });
    await woken(workload);
    await countsOnce({ saves: 2, restores: 2, restoredTokens: 2 * TOKENS });
  });

  it("are none of a model whose layers would read everything again", async () => {
    await opened("slots-well", { header: await gemmaHeader() });
    const workload = await want(NAME);
    await woken(workload);
    await talked(workload);
    await unloaded();
    await countsOnce(NOTHING);
    assert.deepEqual(await readdir(join(state(), "saved-slots")), []);
  });

  it("are none of a server that was adopted: nobody knows whose requests it has read", async () => {
    const stateDirectory = await temporaryDirectory();
    await opened("slots-well", { stateDirectory });
    const workload = await want(NAME);
    const { pid } = await woken(workload);
    await talked(workload);
    const platform = await thisPlatform();
    assert(platform.ok);
    const log = { info: () => {}, warn: () => {} };
    const adopted = await adoptAll({ stateDirectory, platform: platform.value, log, background, ended: () => {} });
    await opened("slots-well", { stateDirectory, adopted });
    assert.equal((await until(NAME, inState("Ready"))).pid, pid);
    await unloaded();
    await countsOnce(NOTHING);
    await filesOnce(0);
  });

  it("are none of a model that says no", async () => {
    await opened("slots-well");
    const workload = await want(NAME, {
      onDemand: { idleUnloadMs: undefined, aliases: [], promptCache: "off", savedSlots: "off" },
    });
    await woken(workload);
    await talked(workload);
    await unloaded();
    await countsOnce(NOTHING);
    await filesOnce(0);
  });

  it("are removed when their model says no, or is gone", async () => {
    const workload = await savedOnce("slots-well");
    await countsOnce(SAVED);
    machine.synced = false;
    unwant(NAME);
    await tick();
    assert.equal((await filesIn()).length, 2);
    machine.synced = true;
    await want(OTHER);
    await until(OTHER, inState("Sleeping"));
    await filesOnce(0);
    assert.equal(of(NAME), undefined);

    const again = await savedOnce("slots-well");
    await countsOnce(SAVED);
    change(again, { onDemand: { ...workload.onDemand, savedSlots: "off" } });
    await tick();
    await filesOnce(0);
  });

  it("are not saved once a key that says no has asked, until the next load", async () => {
    await opened("slots-well");
    const workload = await want(NAME);
    await woken(workload);
    book().keepPrivate(workload.id);
    await talked(workload);
    await unloaded();
    await countsOnce({ Private: 1 });
    await filesOnce(0);
    await woken(workload);
    await talked(workload);
    await unloaded();
    await countsOnce({ saves: 1, Private: 1 });
  });

  it("are not saved for a stop that is no unload", async () => {
    await opened("slots-well");
    const workload = await want(NAME);
    await woken(workload);
    await talked(workload);
    change(workload, { specHash: "changed" });
    const waits = book().wait(workload.id);
    await until(NAME, ({ restarts, state: now }) => restarts === 1 && now === "Ready");
    waits.release();
    await countsOnce(NOTHING);
  });
});

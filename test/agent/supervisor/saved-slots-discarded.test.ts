import assert from "node:assert/strict";
import { chmod, chown, mkdir, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GiB } from "../../../api/bytes.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { fields } from "../samples.ts";
import type { SlotBehaviour } from "../stand-in-slots.ts";
import { IDLE_MS, NAME, NOTHING, OTHER, SAVED, slotScene, TOKENS } from "./saved-slots-scene.ts";

describe("saved conversations that fail, are spoilt or have no place, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const {
    want,
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
  } = slotScene();

  it("are discarded where the weights are others by then", async () => {
    let weights = "before";
    const workload = await savedOnce("slots-well", { weights: () => weights });
    weights = "after";
    await woken(workload);
    await countsOnce({ saves: 1, OtherSettings: 1 });
    await filesOnce(0);
    assert.doesNotMatch(await logOf(), /restored/);
  });

  it("are discarded where a setting is another one by then", async () => {
    const workload = await savedOnce("slots-well");
    const { fields } = workload;
    change(workload, { fields: { ...fields, settings: { ...fields.settings, cacheTypeK: "f16" } } });
    await woken(workload);
    await countsOnce({ saves: 1, OtherSettings: 1 });
  });

  const spoilt: Readonly<Record<string, (path: string) => Promise<void>>> = {
    cut: (path) => writeFile(path, "short"),
    "replaced by other bytes of the same length": (path) => writeFile(path, Buffer.alloc(10 * TOKENS, 7)),
    gone: (path) => rm(path),
    "replaced by a link": async (path) => {
      await rm(path);
      const elsewhere = join(await temporaryDirectory(), "elsewhere");
      await writeFile(elsewhere, Buffer.alloc(10 * TOKENS, 1));
      await symlink(elsewhere, path);
    },
  };
  for (const [how, spoil] of Object.entries(spoilt)) {
    it(`are discarded where their file was ${how}, and the model starts all the same`, async () => {
      const workload = await savedOnce("slots-well");
      await countsOnce(SAVED);
      const slot = (await filesIn()).find((name) => name.endsWith(".slot")) ?? assert.fail();
      await spoil(join(folder(), slot));
      const ready = await woken(workload);
      assert.equal(ready.restarts, 0);
      await countsOnce({ saves: 1, Damaged: 1 });
      assert.doesNotMatch(await logOf(), /restored/);
      await filesOnce(0);
    });
  }

  it("are discarded where their side-file is damaged", async () => {
    const workload = await savedOnce("slots-well");
    await countsOnce(SAVED);
    await writeFile(join(folder(), "saved.json"), '{"version":1');
    await woken(workload);
    await countsOnce({ saves: 1, Damaged: 1 });
  });

  const failing: readonly (readonly [SlotBehaviour, object])[] = [
    ["slots-save-refused", { SaveFailed: 1 }],
    ["slots-save-hangs", { SaveFailed: 1 }],
    ["slots-save-dies", { SaveFailed: 1 }],
    ["slots-save-writes-less", { SaveFailed: 1 }],
  ];
  for (const [behaviour, expected] of failing) {
    it(`cost a stop no more than a moment: ${behaviour}`, async () => {
      const workload = await savedOnce(behaviour);
      await countsOnce(expected);
      await filesOnce(0);
      assert.equal(of(NAME)?.lastExit?.reason, "Idle");
      assert.equal((await woken(workload)).restarts, 0);
    });
  }

  const restoring: readonly (readonly [SlotBehaviour, object, restarts: number])[] = [
    ["slots-restore-refused", { Refused: 1 }, 0],
    ["slots-restore-garbled", { Mismatch: 1 }, 0],
    ["slots-restore-wrong", { Mismatch: 1 }, 0],
    ["slots-restore-never-erases", { Mismatch: 1 }, 1],
    ["slots-restore-hangs", { Lost: 1 }, 1],
    ["slots-restore-dies", { Lost: 1 }, 1],
  ];
  for (const [behaviour, expected, restarts] of restoring) {
    it(`cost a wake no request, and end no server twice: ${behaviour}`, async () => {
      const workload = await savedOnce(behaviour);
      await countsOnce(SAVED);
      const hold = book().wait(workload.id);
      const states = new Set<string>();
      const ready = await until(NAME, (status) => {
        states.add(status.state);
        return status.state === "Ready";
      });
      hold.release();
      assert.equal(ready.restarts, restarts);
      for (const failed of ["BackOff", "Failed"]) assert.ok(!states.has(failed), [...states].join());
      await countsOnce({ saves: 1, ...expected });
      await filesOnce(0);
      if (restarts > 0) assert.equal(of(NAME)?.lastExit?.reason, "RestoreFailed");
    });
  }

  it("are not saved where the disk would be nearly full, or above the limit", async () => {
    await savedOnce("slots-well", { disk: { freeBytes: GiB, diskBytes: 10 * GiB } });
    await countsOnce({ DiskFull: 1 });
    await filesOnce(0);
    await savedOnce("slots-well", { limitBytes: 5000 });
    await countsOnce({ TooLarge: 1 });
    await filesOnce(0);
  });

  it("that were saved longest ago make room for others", async () => {
    await opened("slots-well");
    const { estimateParts = {} } = await woken(await want(NAME));
    // What one conversation is expected to take, and less than what another has taken besides.
    const tokenBytes = (estimateParts["kv"] ?? assert.fail()) / fields.settings.contextSize;
    await opened("slots-well", { limitBytes: TOKENS * tokenBytes + 5000 });
    for (const workload of [await want(NAME), await want(OTHER)]) {
      await woken(workload);
      await talked(workload);
      await unloaded(workload.name);
      await countsOnce(SAVED, workload.name);
    }
    await filesOnce(0);
    await filesOnce(2, OTHER);
  });

  const folders: Readonly<Record<string, readonly [make: (path: string) => Promise<unknown>, problem: RegExp]>> = {
    "a link": [
      async (path) => symlink(await temporaryDirectory(), path),
      /^no conversation is saved: .*saved-slots is a link or no folder: remove it$/,
    ],
    "a file": [
      (path) => writeFile(path, ""),
      /^no conversation is saved: .*saved-slots cannot be used \(EEXIST\): look at its disk and rights$/,
    ],
  };
  for (const [what, [make, problem]] of Object.entries(folders)) {
    it(`are none where their folder is ${what}, and the problem is told`, async () => {
      const stateDirectory = await temporaryDirectory();
      await make(join(stateDirectory, "saved-slots"));
      const processes = await opened("slots-well", { stateDirectory });
      const workload = await want(NAME);
      await woken(workload);
      await talked(workload);
      await unloaded();
      await countsOnce(NOTHING);
      assert.match(processes.problems().join("\n"), problem);
    });
  }

  it("are none where their folder is another user's", async function () {
    // Only root can give a folder away.
    if (process.getuid?.() !== 0) this.skip();
    const stateDirectory = await temporaryDirectory();
    await mkdir(join(stateDirectory, "saved-slots"));
    await chown(join(stateDirectory, "saved-slots"), 12_345, 12_345);
    const processes = await opened("slots-well", { stateDirectory });
    await tick();
    assert.match(processes.problems().join("\n"), /saved-slots belongs to another user: remove it$/);
    await woken(await want(NAME));
    assert.deepEqual(await readdir(join(stateDirectory, "saved-slots")), []);
  });

  it("are in a folder of this user alone, though it was one of all", async () => {
    const stateDirectory = await temporaryDirectory();
    await mkdir(join(stateDirectory, "saved-slots"));
    await chmod(join(stateDirectory, "saved-slots"), 0o777);
    await savedOnce("slots-well", { stateDirectory });
    await countsOnce(SAVED);
    assert.equal((await stat(join(stateDirectory, "saved-slots"))).mode & 0o777, 0o700);
  });

  it("outlive their agent; what one that was killed left half done is removed", async () => {
    const stateDirectory = await temporaryDirectory();
    await savedOnce("slots-well", { stateDirectory });
    await countsOnce(SAVED);
    await mkdir(folder(OTHER));
    await writeFile(join(folder(OTHER), "ab-0.slot"), "half");
    await writeFile(join(folder(), "ab-7.slot"), "of a save before");
    await opened("slots-well", { stateDirectory });
    const workload = await want(NAME);
    await until(NAME, inState("Sleeping"));
    assert.equal((await filesIn()).length, 2);
    assert.deepEqual(await readdir(join(stateDirectory, "saved-slots")), ["default_chat"]);
    await woken(workload);
    await countsOnce({ restores: 1, restoredTokens: TOKENS });
  });

  it("do not keep the watchdog from ending a server while they are saved", async () => {
    await opened("slots-save-hangs", { waitMs: 20_000 });
    const workload = await want(NAME);
    await woken(workload);
    await talked(workload);
    await tick(IDLE_MS + 1000);
    assert.equal(of(NAME)?.state, "Draining");
    machine.footprint = () => 4 * GiB;
    await until(NAME, ({ pid }) => pid === undefined);
  });
});

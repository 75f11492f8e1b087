import assert from "node:assert/strict";
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DemandBook, demandBook } from "../../../agent/gateway/demand.ts";
import type { SlotCounts } from "../../../agent/status/status.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import type { AdoptedServer } from "../../../agent/supervisor/options.ts";
import { savedSlots } from "../../../agent/supervisor/saved-slots.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { GiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { gemmaHeader, gemmaWithoutWindow } from "../../support/gemma-header.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background, fields } from "../samples.ts";
import { MINUTE, stage } from "../stage.ts";
import type { SlotBehaviour } from "../stand-in-slots.ts";
import { thisPlatform } from "../this-platform.ts";

const NAME = "default/chat";
const OTHER = "default/other";
const IDLE_MS = 5 * MINUTE;
const TOKENS = 1000;

interface Opening {
  readonly stateDirectory?: string;
  readonly limitBytes?: number;
  readonly waitMs?: number;
  readonly disk?: { readonly freeBytes: number; readonly diskBytes: number };
  readonly header?: GgufHeader;
  readonly adopted?: readonly AdoptedServer[];
  /** Changes what a cache depends on. */
  readonly weights?: () => string | undefined;
}

/** What happened, without the reasons that did not. */
function happened({ discarded, ...counts }: SlotCounts) {
  return { ...counts, ...Object.fromEntries(Object.entries(discarded).filter(([, count]) => count > 0)) };
}

const NOTHING = { saves: 0, restores: 0, restoredTokens: 0 };
const SAVED = { ...NOTHING, saves: 1 };

describe("saved conversations, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { open, want, unwant, change, tick, of, until, inState, clock, machine } = stage();
  let book: DemandBook;
  let state: string;

  const opened = async (behaviour: SlotBehaviour, opening: Opening = {}) => {
    const { stateDirectory = await temporaryDirectory(), limitBytes = GiB, waitMs = 1500, disk, weights } = opening;
    const { header = await gemmaWithoutWindow(), adopted = [] } = opening;
    state = stateDirectory;
    book = demandBook(clock, () => {});
    const slots = savedSlots({
      ...{ stateDirectory, limitBytes, waitMs, background, clock: () => performance.now() },
      serverStamp: () => "server",
      stampOf: weights ?? (() => "weights"),
      ...(disk && { disk: async () => disk }),
    });
    return open(behaviour, {
      ...{ stateDirectory, header, adopted, savedSlots: slots },
      gateway: { demandOf: book.demandOf, idleUnloadMs: IDLE_MS },
    });
  };
  const folder = (name = NAME) => join(state, "saved-slots", name.replace("/", "_"));
  const filesIn = async (name = NAME) => (await readdir(folder(name)).catch(() => [])).sort();
  const woken = async ({ id, name }: Pick<Workload, "id" | "name">) => {
    const hold = book.wait(id);
    const ready = await until(name, inState("Ready"));
    hold.release();
    return ready;
  };
  /** Has the server read a conversation of so many tokens. */
  const talked = async ({ id, fields }: Pick<Workload, "id" | "fields">, tokens = TOKENS) => {
    const hold = book.use(id);
    const body = JSON.stringify({ prompt: "x".repeat(tokens) });
    await (await fetch(`http://127.0.0.1:${fields.port}/v1/completions`, { method: "POST", body })).text();
    hold.release();
  };
  const unloaded = async (name = NAME) => {
    await tick(IDLE_MS + 1000);
    return until(name, inState("Sleeping"));
  };
  /** Until what is under way has left so many. */
  const filesOnce = async (count: number, name = NAME) => {
    for (let looks = 0; looks < 100 && (await filesIn(name)).length !== count; looks += 1) await sleep(20);
    assert.equal((await filesIn(name)).length, count);
  };
  const logOf = async () => readFile(join(state, "logs", "default_chat.log"), "utf8");
  const counts = (name = NAME) => happened(of(name)?.savedSlots ?? assert.fail());
  /** Until what is under way has come to this. */
  const countsOnce = async (expected: object, name = NAME) => {
    await until(name, () => JSON.stringify(counts(name)) === JSON.stringify({ ...NOTHING, ...expected })).catch(
      () => {},
    );
    assert.deepEqual(counts(name), { ...NOTHING, ...expected });
  };
  /** A model that has unloaded after a conversation. */
  const savedOnce = async (behaviour: SlotBehaviour, opening: Opening = {}) => {
    await opened(behaviour, opening);
    const workload = await want(NAME);
    await woken(workload);
    await talked(workload);
    await unloaded();
    return workload;
  };

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
    assert.deepEqual(await readdir(join(state, "saved-slots")), []);
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
    book.keepPrivate(workload.id);
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
    const waits = book.wait(workload.id);
    await until(NAME, ({ restarts, state: now }) => restarts === 1 && now === "Ready");
    waits.release();
    await countsOnce(NOTHING);
  });

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
      const hold = book.wait(workload.id);
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

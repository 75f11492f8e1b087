import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DemandBook, demandBook } from "../../../agent/gateway/demand.ts";
import type { KernelLimit } from "../../../agent/kernel-limit/kernel-limit.ts";
import { savedSlots } from "../../../agent/supervisor/saved-slots.ts";
import type { StartedSlots } from "../../../agent/supervisor/slot-work.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { GiB } from "../../../api/bytes.ts";
import { gemmaWithoutWindow } from "../../support/gemma-header.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { MINUTE, stage } from "../stage.ts";
import type { SlotBehaviour } from "../stand-in-slots.ts";

const NAME = "default/chat";
const IDLE_MS = 5 * MINUTE;
const TOKENS = 1000;
const TOKEN_BYTES = 10;

interface Disk {
  readonly freeBytes: number;
  readonly diskBytes: number;
}

const ROOMY: Disk = { freeBytes: 50 * GiB, diskBytes: 100 * GiB };

interface Opening {
  readonly waitMs?: number;
  /** Gets how often it was asked before. */
  readonly disk?: (asked: number) => Promise<Disk>;
  readonly looked?: (path: string) => void;
}

describe("saved conversations, where something else goes wrong", function () {
  this.timeout(60_000);
  const { open, want, unwant, change, tick, of, until, inState, clock, machine } = stage();
  let book: DemandBook;
  let state: string;

  const opened = async (
    behaviour: SlotBehaviour,
    { waitMs = 1500, disk = async () => ROOMY, looked = () => {} }: Opening = {},
  ) => {
    state = await temporaryDirectory();
    book = demandBook(clock, () => {});
    let asked = 0;
    const slots = savedSlots({
      ...{ stateDirectory: state, limitBytes: GiB, waitMs, background, clock: () => performance.now() },
      serverStamp: () => "server",
      stampOf: (path) => {
        looked(path);
        return "weights";
      },
      disk: async () => disk(asked++),
    });
    await open(behaviour, {
      ...{ stateDirectory: state, header: await gemmaWithoutWindow(), savedSlots: slots },
      gateway: { demandOf: book.demandOf, idleUnloadMs: IDLE_MS },
    });
  };
  const folder = () => join(state, "saved-slots", "default_chat");
  const filesIn = async () => readdir(folder()).catch(() => []);
  const woken = async ({ id }: Pick<Workload, "id">) => {
    const hold = book.wait(id);
    const ready = await until(NAME, inState("Ready"));
    hold.release();
    return ready;
  };
  const talked = async (behaviour: SlotBehaviour, opening: Opening = {}) => {
    await opened(behaviour, opening);
    const workload = await want(NAME);
    await woken(workload);
    const hold = book.use(workload.id);
    const body = JSON.stringify({ prompt: "x".repeat(TOKENS) });
    const { port } = workload.fields;
    await (await fetch(`http://127.0.0.1:${port}/v1/completions`, { method: "POST", body })).text();
    hold.release();
    return workload;
  };
  const unloaded = async () => {
    await tick(IDLE_MS + 1000);
    return until(NAME, inState("Sleeping"));
  };
  const failedOnce = async () => {
    await until(NAME, ({ savedSlots: counts }) => counts?.discarded.SaveFailed === 1);
    for (let looks = 0; looks < 100 && (await filesIn()).length > 0; looks += 1) await sleep(20);
    assert.deepEqual(await filesIn(), []);
    assert.equal(of(NAME)?.savedSlots?.saves, 0);
  };

  it("leave no file where what names them cannot be written", async () => {
    // Between the file of the slot and the one that names it.
    const disk = async (asked: number) => {
      if (asked === 1) await mkdir(join(folder(), "saved.json"));
      return ROOMY;
    };
    await talked("slots-well", { disk });
    await unloaded();
    await failedOnce();
  });

  it("leave no file where the disk cannot be looked at any more", async () => {
    const disk = async (asked: number) => {
      if (asked === 1) throw new Error("EIO");
      return ROOMY;
    };
    await talked("slots-well", { disk });
    await unloaded();
    await failedOnce();
  });

  it("are none where the server says that it has written nothing", async () => {
    await talked("slots-save-writes-nothing");
    await unloaded();
    await failedOnce();
  });

  it("count what they have taken of the disk once", async () => {
    const written = TOKENS * TOKEN_BYTES;
    const disk = async (asked: number) => ({
      freeBytes: asked === 0 ? 2 * GiB : GiB + written / 2,
      diskBytes: 10 * GiB,
    });
    await talked("slots-well", { disk });
    await unloaded();
    await until(NAME, ({ savedSlots: counts }) => counts?.saves === 1);
    assert.equal(of(NAME)?.savedSlots?.discarded.DiskFull, 0);
  });

  const hurries: Readonly<Record<string, (workload: Workload) => void>> = {
    "the machine is critically short of memory": () => {
      machine.pressure = "critical";
    },
    "nothing asks for the model any more": () => unwant(NAME),
    "the model says no": (workload) => change(workload, { onDemand: { ...workload.onDemand, savedSlots: "off" } }),
  };
  for (const [what, happens] of Object.entries(hurries)) {
    it(`are not waited for once ${what}`, async () => {
      const workload = await talked("slots-save-hangs", { waitMs: 40_000 });
      await want("default/other");
      await tick(IDLE_MS + 1000);
      assert.equal(of(NAME)?.state, "Draining");
      const { pid } = of(NAME) ?? {};
      assert(pid);
      happens(workload);
      // Less than the seconds that a save may take, of the injected clock.
      for (let ticks = 0; ticks < 5; ticks += 1) await tick();
      for (let looks = 0; looks < 100 && isAlive(pid); looks += 1) await sleep(20);
      assert.equal(isAlive(pid), false);
    });
  }

  it("that hang a server at its wake are no breach of its budget, though it is killed", async () => {
    machine.kernelLimit = UNRECORDED;
    const workload = await talked("slots-restore-hangs");
    await unloaded();
    await until(NAME, ({ savedSlots: counts }) => counts?.saves === 1);
    const ready = await woken(workload);
    assert.equal(ready.lastExit?.reason, "RestoreFailed");
  });

  it("are given to no server that has waited for them in vain, and serves by then", async () => {
    state = await temporaryDirectory();
    const actions: string[] = [];
    const server = createServer(({ url = "" }, response) => {
      actions.push(url);
      if (url.endsWith("save")) writeFileSync(fileIn(folder()), "saved");
      const slots = [{ id: 0, is_processing: false, id_task: 1, n_prompt_tokens: TOKENS }];
      response.end(JSON.stringify(url === "/slots" ? slots : { n_saved: 1, n_written: 5, n_restored: 1, n_read: 5 }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const slow = Promise.withResolvers<Disk>();
    // A clock that is behind the timer, if only by a part of a millisecond.
    const options = { waitMs: 100, clock: () => 0, serverStamp: () => "server", stampOf: () => "weights" };
    const kept = savedSlots({
      ...{ stateDirectory: state, limitBytes: GiB, background },
      ...options,
      disk: () => slow.promise,
    });
    const id = workloadId(NAME);
    let begun: StartedSlots | undefined;
    for (let looks = 0; looks < 100 && begun === undefined; looks += 1) {
      await sleep(20);
      begun = kept.begin({ id, modelPath: "/models/chat.gguf", args: [] });
    }
    const started = begun ?? assert.fail();
    const expected = { host: "127.0.0.1", port, mode: "chat", name: NAME, modelPath: "/m", apiKey: undefined } as const;
    await kept.save({ id, expected, slots: started }, 1);
    assert.deepEqual(await kept.restore({ id, expected, slots: started }), new Map());
    slow.resolve(ROOMY);
    for (let looks = 0; looks < 100 && kept.counts(id).saves === 0; looks += 1) await sleep(20);
    assert.equal(kept.counts(id).saves, 1);
    await sleep(200);
    server.close();
    assert.deepEqual(actions, ["/slots", "/slots/0?action=save"]);
  });

  it("have the weights looked at while their model sleeps, so that the wake knows what is there", async () => {
    const looks: string[] = [];
    await talked("slots-well", { looked: (path) => looks.push(path) });
    await unloaded();
    looks.length = 0;
    await tick();
    assert.deepEqual(looks, ["/models/chat.gguf"]);
  });
});

/** As on macOS: it keeps no record of what it kills. */
const UNRECORDED: KernelLimit = {
  ...{ kind: "taskpolicy -m", wrap: (command) => command, enclose: () => {}, release: () => {}, close: () => {} },
  breached: () => undefined,
  move: () => false,
};

function fileIn(folder: string): string {
  const name = readdirSync(folder).find((one) => one.endsWith(".slot"));
  return join(folder, name ?? assert.fail());
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DemandBook, demandBook } from "../../../agent/gateway/demand.ts";
import type { SlotCounts } from "../../../agent/status/status.ts";
import type { AdoptedServer } from "../../../agent/supervisor/options.ts";
import { savedSlots } from "../../../agent/supervisor/saved-slots.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { GiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { gemmaWithoutWindow } from "../../support/gemma-header.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { MINUTE, stage } from "../stage.ts";
import type { SlotBehaviour } from "../stand-in-slots.ts";

export const NAME = "default/chat";
export const OTHER = "default/other";
export const IDLE_MS = 5 * MINUTE;
export const TOKENS = 1000;

export interface Opening {
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

export const NOTHING = { saves: 0, restores: 0, restoredTokens: 0 };
export const SAVED = { ...NOTHING, saves: 1 };

/** An agent with saved conversations and its gateway's demand, with stand-ins for llama-server and a fake clock. */
export function slotScene() {
  const staged = stage();
  const { open, want, tick, of, until, inState, clock } = staged;
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
  return {
    ...staged,
    ...{ opened, folder, filesIn, woken, talked, unloaded },
    ...{ filesOnce, logOf, counts, countsOnce, savedOnce },
    book: () => book,
    /** The folder of the agent. */
    state: () => state,
  };
}

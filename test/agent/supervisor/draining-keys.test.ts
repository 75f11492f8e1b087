import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RESTART_DRAIN_MS } from "../../../agent/decisions/drain.ts";
import { demandBook } from "../../../agent/gateway/demand.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { stage } from "../stage.ts";

const NAMES = ["default/a", "default/b"];

describe("servers behind the gateway whose file of API keys changes, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { open, want, change, tick, of, until, inState, clock } = stage();

  it("are asked with a key that they know until they restart with the new ones", async () => {
    const book = demandBook(clock, () => {});
    const processes = await open("well", { gateway: { demandOf: book.demandOf, idleUnloadMs: undefined } });
    const file = join(await temporaryDirectory(), "keys");
    await writeFile(file, "first-key\n", { mode: 0o600 });
    for (const name of NAMES) {
      const workload = await want(name);
      change(workload, { fields: { ...workload.fields, apiKeyFile: file } });
    }
    for (const name of NAMES) await until(name, inState("Ready"));
    const keyOf = (name: string) => processes.serving().find(({ workload }) => workload.name === name)?.address?.apiKey;
    assert.deepEqual(NAMES.map(keyOf), ["first-key", "first-key"]);
    const { id } = processes.serving().find(({ workload }) => workload.name === "default/a")?.workload ?? {};
    assert.ok(id !== undefined);
    const flight = book.use(id);

    await writeFile(file, "second-key\n", { mode: 0o600 });
    await until("default/a", ({ reason }) => reason === "KeyChanged");
    await tick(RESTART_DRAIN_MS - 2000);
    // While the first one waits for its request, the other one still has the keys of before.
    assert.deepEqual([of("default/a")?.state, ...NAMES.map(keyOf)], ["Draining", undefined, "first-key"]);
    flight.release();
    await until("default/b", ({ reason }) => reason === "KeyChanged");
    await until("default/b", inState("Ready"));
    assert.deepEqual(NAMES.map(keyOf), ["second-key", "second-key"]);
  });

  it("restart the next one also where the one before sleeps instead: nobody asks for it", async () => {
    const book = demandBook(clock, () => {});
    const processes = await open("well", { gateway: { demandOf: book.demandOf, idleUnloadMs: 600_000 } });
    const file = join(await temporaryDirectory(), "keys");
    await writeFile(file, "first-key\n", { mode: 0o600 });
    for (const name of NAMES) {
      const workload = await want(name);
      change(workload, { fields: { ...workload.fields, apiKeyFile: file } });
    }
    for (const name of NAMES) {
      await until(name, inState("Sleeping"));
      const { id } = processes.serving().find(({ workload }) => workload.name === name)?.workload ?? {};
      assert.ok(id !== undefined);
      const waits = book.wait(id);
      await until(name, inState("Ready"));
      waits.release();
    }

    await writeFile(file, "second-key\n", { mode: 0o600 });
    for (const name of NAMES) await until(name, inState("Sleeping"));
  });
});

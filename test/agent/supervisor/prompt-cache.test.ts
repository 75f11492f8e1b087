import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import type { PromptCache } from "../../../api/on-demand.ts";
import { gemmaWithoutWindow } from "../../support/gemma-header.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { alone, background } from "../samples.ts";
import { MIB, stage } from "../stage.ts";
import { thisPlatform } from "../this-platform.ts";

const cached = (promptCache: PromptCache) => ({ onDemand: { idleUnloadMs: undefined, aliases: [], promptCache } });
const budget = (mebibytes: number) => ({ budget: { bytes: mebibytes * MIB, source: "crd-budget" } as const });

describe("the prompt cache, with stand-ins and a fake clock", function () {
  this.timeout(60_000);
  const { open: openWith, want, change, tick, of, until, inState } = stage();
  const open = async (...[behaviour, opening = {}]: Parameters<typeof openWith>) =>
    openWith(behaviour, { header: await gemmaWithoutWindow(), ...opening });

  const cacheOf = (name: string) => of(name)?.estimateParts?.["promptCache"] ?? 0;

  it("takes what the budget leaves, as a part of what is charged", async () => {
    await open("well");
    await want("default/chat", { ...cached("auto"), ...budget(700) });
    const { estimateBytes = 0, estimateParts = {} } = await until("default/chat", inState("Ready"));
    const sum = Object.values(estimateParts).reduce((total, bytes) => total + bytes, 0);
    assert.equal(estimateBytes, sum);
    assert(cacheOf("default/chat") > 64 * MIB, `${cacheOf("default/chat")}`);
    assert(estimateBytes <= 700 * MIB && estimateBytes > 650 * MIB, `${estimateBytes}`);
  });

  it("has checkpoints beside it for a model with sliding windows, as a part of what is charged", async () => {
    await openWith("well");
    await want("default/chat", { ...cached("auto"), ...budget(600) });
    const { estimateBytes = 0, estimateParts = {} } = await until("default/chat", inState("Ready"));
    assert(cacheOf("default/chat") > 64 * MIB, `${cacheOf("default/chat")}`);
    assert((estimateParts["checkpoints"] ?? 0) >= 8 * MIB, `${estimateParts["checkpoints"]}`);
    assert.equal(
      estimateBytes,
      Object.values(estimateParts).reduce((total, bytes) => total + bytes, 0),
    );
    assert(estimateBytes <= 600 * MIB && estimateBytes > 550 * MIB, `${estimateBytes}`);
  });

  it("is none with auto where checkpoints and a conversation do not fit: the model starts without either", async () => {
    await openWith("well");
    await want("default/chat", { ...cached("auto"), ...budget(400) });
    const { estimateParts = {} } = await until("default/chat", inState("Ready"));
    assert.deepEqual([estimateParts["promptCache"], estimateParts["checkpoints"]], [undefined, undefined]);
  });

  it("is none without a word about it", async () => {
    await open("well");
    await want("default/chat", budget(700));
    const { estimateParts = {}, notes } = await until("default/chat", inState("Ready"));
    assert.equal(estimateParts["promptCache"], undefined);
    assert(!notes.some((note) => note.includes("prompt-cache")), notes.join("\n"));
  });

  it("is given back when the budget is lowered: the server restarts, and has not failed", async () => {
    await open("well");
    const workload = await want("default/chat", { ...cached("auto"), ...budget(700) });
    const { pid } = await until("default/chat", inState("Ready"));
    const before = cacheOf("default/chat");
    change(workload, { ...cached("auto"), ...budget(500) });
    const down = await until("default/chat", inState("Draining"));
    assert.deepEqual([down.reason, down.pid], ["PromptCacheChanged", pid]);
    assert.match(down.message ?? "", /^its budget was lowered: its prompt cache becomes .* instead of/);
    const again = await until("default/chat", inState("Ready"));
    assert.notEqual(again.pid, pid);
    assert(cacheOf("default/chat") < before);
    assert((again.estimateBytes ?? 0) <= 500 * MIB);
  });

  it("stays while the server works on a request, and a note says what will become of it", async () => {
    await open("works-for-ever");
    const workload = await want("default/chat", { ...cached("auto"), ...budget(700) });
    const { pid } = await until("default/chat", inState("Ready"));
    const before = cacheOf("default/chat");
    change(workload, { ...cached("auto"), ...budget(500) });
    const told = ({ notes }: { readonly notes: readonly string[] }) =>
      notes.some((note) => /requests have ended$/.test(note));
    await until("default/chat", told);
    await tick(5000);
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
    assert.equal(cacheOf("default/chat"), before);
  });

  it("does not restart for a budget that was raised", async () => {
    await open("well");
    const workload = await want("default/chat", { ...cached("auto"), ...budget(500) });
    const { pid } = await until("default/chat", inState("Ready"));
    change(workload, { ...cached("auto"), ...budget(700) });
    for (let ticks = 0; ticks < 8; ticks += 1) {
      await tick();
      await sleep(30);
    }
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
  });

  it("of a quantity is taken as it is, charged with its margin, and refused where it does not fit, with what would", async () => {
    await open("well");
    const workload = await want("default/chat", { ...cached(128 * MIB), ...budget(700) });
    await until("default/chat", inState("Ready"));
    assert.equal(cacheOf("default/chat"), 144 * MIB);
    await want("default/other", { ...cached(600 * MIB), ...budget(700) });
    const refused = await until("default/other", inState("Failed"));
    assert.equal(refused.reason, "InsufficientMemory");
    assert.match(refused.message ?? "", /required, budget 700\.0 MiB .*What would fit: .*without the prompt cache/);
    change(workload, { ...cached("off"), ...budget(700) });
    await until("default/chat", inState("Draining"));
    await until("default/chat", inState("Ready"));
    assert.equal(cacheOf("default/chat"), 0);
  });

  it("takes with auto no more than the machine has left, so that the model starts at once", async () => {
    await open("well");
    await want("default/a", { ...cached(128 * MIB), ...budget(700) });
    await until("default/a", inState("Ready"));
    await want("default/b", { ...cached("auto"), ...budget(1000) });
    await until("default/b", inState("Ready"));
    const [a, b] = [of("default/a")?.estimateBytes ?? 0, of("default/b")?.estimateBytes ?? 0];
    assert(a + b <= 1024 * MIB, `${a} and ${b}`);
  });

  it("that auto did not take for want of room does not restart the server once there is room", async () => {
    let held = 0;
    const others = () => [{ key: "other", label: "another agent", bytes: held }];
    await open("well", { claims: { ...alone, others } });
    const workload = await want("default/chat", { ...cached("off"), ...budget(1000) });
    const { estimateBytes = 0 } = await until("default/chat", inState("Ready"));
    change(workload, { ...cached("auto"), ...budget(1000), specHash: "another" });
    held = 1024 * MIB - Math.max(estimateBytes, 150 * MIB) - 20 * MIB;
    await until("default/chat", inState("Draining"));
    const { pid } = await until("default/chat", inState("Ready"));
    assert.equal(cacheOf("default/chat"), 0);
    held = 0;
    for (let ticks = 0; ticks < 8; ticks += 1) {
      await tick();
      await sleep(30);
    }
    assert.deepEqual([of("default/chat")?.state, of("default/chat")?.pid], ["Ready", pid]);
  });

  it("of auto leaves room for a model that waits for memory, which fits beside it without", async () => {
    await open("well");
    await want("default/a", { ...cached("auto"), ...budget(1000) });
    await want("default/b", budget(1000));
    await until("default/a", inState("Ready"));
    await until("default/b", inState("Ready"));
    const [a, b] = [of("default/a")?.estimateBytes ?? 0, of("default/b")?.estimateBytes ?? 0];
    assert(a + b <= 1024 * MIB, `${a} and ${b}`);
    assert(cacheOf("default/a") > 64 * MIB, `${cacheOf("default/a")}`);
  });

  it("is known of a server that an earlier agent left", async () => {
    const stateDirectory = await temporaryDirectory();
    const platform = await thisPlatform();
    assert(platform.ok);
    await open("well", { stateDirectory });
    const workload = await want("default/chat", { ...cached("auto"), ...budget(700) });
    const { pid, estimateBytes } = await until("default/chat", inState("Ready"));
    const log = { info: () => {}, warn: () => {} };
    const adopted = await adoptAll({ stateDirectory, platform: platform.value, log, background, ended: () => {} });
    await open("well", { stateDirectory, adopted });
    change(workload, { ...cached("auto"), ...budget(900) });
    const again = await until("default/chat", inState("Ready"));
    for (let ticks = 0; ticks < 4; ticks += 1) await tick(2000);
    assert.deepEqual(
      [of("default/chat")?.pid, again.pid, of("default/chat")?.estimateBytes],
      [pid, pid, estimateBytes],
    );
  });
});

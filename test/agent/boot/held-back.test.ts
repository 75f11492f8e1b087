import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import { type HeldBack, openHeldBack } from "../../../agent/boot/held-back.ts";
import { heldPath, type Ran } from "../../../agent/boot/held-file.ts";
import type { Cause, Reports } from "../../../agent/boot/verdict.ts";
import { heldBackFolder } from "../../../agent/state/layout.ts";
import { type Desired, digestOfRun } from "../../../agent/workload/desired.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aWorkload, background } from "../samples.ts";

const NOW = Date.parse("2026-08-09T10:00:00Z");
const id = workloadId("default/gemma");
const workload = aWorkload({ id, name: "default/gemma", specHash: "a" });
const run: Desired = { kind: "run", workload };
const ran = (part: Partial<Ran["ran"]> = {}): Ran => ({
  ...{ id, name: "default/gemma", wanted: digestOfRun(workload) },
  ran: { bootId: "one", pid: 401, startedAt: NOW - 1000, until: NOW, ...part },
});
const NONE: Reports = { panics: [], jetsams: [] };
const PANIC: Reports = { panics: [{ path: "/r/p.panic", at: NOW, bootId: "one" }], jetsams: [] };
const KILL: Reports = {
  panics: [],
  jetsams: [{ path: "/r/j.ips", at: NOW, killed: [{ pid: 401, reason: "vm-pageshortage" }] }],
};

describe("what is held back after a boot", () => {
  let stateDirectory: string;
  /** What the next looks see; the last one stays. */
  let seen: Result<Reports | undefined>[];
  let uptimeMs: number;
  /** Lets the next wait end. */
  let pass: () => Promise<void>;
  let changes: number;

  beforeEach(async () => {
    stateDirectory = await temporaryDirectory();
    seen = [ok(NONE)];
    uptimeMs = 3_600_000;
    changes = 0;
  });

  const open = async (bootId: string, those: readonly Ran[] = []): Promise<HeldBack> => {
    const waits: (() => void)[] = [];
    pass = async () => {
      for (const end of waits.splice(0)) end();
      await settled();
    };
    const heldBack = openHeldBack({
      ...{ stateDirectory, bootId, ran: those, background },
      reports: async () => (seen.length > 1 ? seen.shift() : seen[0]) ?? ok(NONE),
      uptimeMs: () => uptimeMs,
      wait: () => new Promise<void>((resolve) => waits.push(resolve)),
      changed: () => {
        changes += 1;
      },
    });
    await settled();
    return heldBack;
  };
  /** As long as a report is waited for after an unlocked disk. */
  const passAll = async (heldBack: HeldBack) => {
    for (let looks = 1; looks < 12; looks += 1) {
      assert.equal(stateOf(heldBack), "Pending");
      await pass();
    }
  };
  const settled = async () => {
    for (let turns = 0; turns < 10; turns += 1) await immediate();
  };
  const files = async () => readdir(heldBackFolder(stateDirectory)).catch(() => []);
  const stateOf = (heldBack: HeldBack) => heldBack.holdOf(id)?.state;
  const follow = (heldBack: HeldBack, desired: Desired | undefined, synced = true) =>
    heldBack.follow(new Map(desired === undefined ? [] : [[id, desired]]), synced);

  it("is what ran when the machine panicked, until it is allowed, across agents and boots", async () => {
    seen = [ok(PANIC)];
    const hold = (await open("two", [ran()])).holdOf(id);
    assert.deepEqual([hold?.state, hold?.reason], ["HeldBack", "AfterPanic"]);
    assert.match(
      hold?.message ?? "",
      /^it ran when this Mac panicked on 2026-08-09T10:00:00Z \(report \/r\/p\.panic\)/,
    );
    seen = [ok(NONE)];
    assert.equal(stateOf(await open("two")), "HeldBack");
    const third = await open("three");
    follow(third, run);
    assert.equal(stateOf(third), "HeldBack");
    await rm(heldPath(stateDirectory, "default_gemma"));
    follow(third, run);
    assert.equal(third.holdOf(id), undefined);
    assert.equal((await open("three")).holdOf(id), undefined);
  });

  it("is nothing where a machine went down without a report, and nothing is left of it", async () => {
    const heldBack = await open("two", [ran()]);
    await passAll(heldBack);
    assert.deepEqual([heldBack.holdOf(id), heldBack.problems(), await files()], [undefined, [], []]);
    assert.ok(changes > 0);
  });

  it("is nothing where there is no folder of reports, however short the machine has run", async () => {
    [seen, uptimeMs] = [[ok(undefined)], 1000];
    const heldBack = await open("two", [ran()]);
    assert.deepEqual([heldBack.holdOf(id), await files()], [undefined, []]);
  });

  it("waits for a report that macOS writes in the first minutes after the start", async () => {
    [seen, uptimeMs] = [[ok(NONE), ok(NONE), ok(PANIC)], 20_000];
    const heldBack = await open("two", [ran()]);
    assert.equal(stateOf(heldBack), "Pending");
    await pass();
    assert.equal(stateOf(heldBack), "Pending");
    await pass();
    assert.equal(stateOf(heldBack), "HeldBack");
  });

  it("waits no longer than that", async () => {
    uptimeMs = 20_000;
    const heldBack = await open("two", [ran()]);
    await passAll(heldBack);
    assert.equal(stateOf(heldBack), "Pending");
    uptimeMs = 120_000;
    await pass();
    assert.deepEqual([heldBack.holdOf(id), await files()], [undefined, []]);
  });

  it("is decided by the next agent where one ended before", async () => {
    uptimeMs = 20_000;
    assert.equal(stateOf(await open("two", [ran()])), "Pending");
    seen = [ok(PANIC)];
    assert.equal(stateOf(await open("two")), "HeldBack");
  });

  it("is nothing where the reports cannot be read, and that is said", async () => {
    seen = [fail("the reports cannot be read")];
    const heldBack = await open("two", [ran()]);
    await passAll(heldBack);
    assert.deepEqual([heldBack.holdOf(id), heldBack.problems()], [undefined, ["the reports cannot be read"]]);
  });

  it("is what macOS ended in the boot before, not in this one", async () => {
    seen = [ok(NONE), ok(KILL)];
    const first = await open("one");
    const told: Cause[] = [];
    first.died(ran(), (cause) => told.push(cause));
    await pass();
    assert.deepEqual(told, []);
    await pass();
    assert.deepEqual(
      told.map(({ report, reason }) => [report, reason]),
      [["/r/j.ips", "vm-pageshortage"]],
    );
    assert.equal(first.holdOf(id), undefined);
    seen = [ok(NONE)];
    const hold = (await open("two")).holdOf(id);
    assert.deepEqual([hold?.state, hold?.reason], ["HeldBack", "AfterJetsam"]);
  });

  it("is what macOS ended, which ran again when the machine lost its power", async () => {
    seen = [ok(KILL)];
    const first = await open("one");
    first.died(ran(), () => {});
    await pass();
    seen = [ok(NONE)];
    const second = await open("two", [ran({ pid: 500, startedAt: NOW + 1000, until: NOW + 2000 })]);
    await passAll(second);
    const hold = second.holdOf(id);
    assert.equal(hold?.reason, "AfterJetsam");
  });

  it("is not what has run well for long since", async () => {
    seen = [ok(KILL)];
    const first = await open("one");
    first.died(ran(), () => {});
    await pass();
    first.provedItself(id);
    assert.equal((await open("two")).holdOf(id), undefined);
  });

  it("looks for the report of a kill three times, and then no more", async () => {
    let looks = 0;
    const heldBack = openHeldBack({
      ...{ stateDirectory, bootId: "one", ran: [], background, uptimeMs: () => uptimeMs, changed: () => {} },
      reports: async () => {
        looks += 1;
        return ok(NONE);
      },
      wait: async () => {},
    });
    heldBack.died(ran(), () => assert.fail("there is no report"));
    await settled();
    assert.equal(looks, 3);
  });

  const changed: Desired = { kind: "run", workload: { ...workload, budget: { ...workload.budget, bytes: 2 ** 29 } } };
  const other: Desired = { kind: "run", workload: { ...workload, specHash: "b" } };
  const name = "default/gemma";
  const answers: readonly (readonly [what: string, desired: Desired | undefined, synced: boolean, held: boolean])[] = [
    ["the same settings", run, true, true],
    ["another budget", changed, true, false],
    ["other settings", other, true, false],
    ["suspended", { kind: "stopped", name, message: "" }, true, false],
    ["no longer asked for", undefined, true, false],
    ["missing, where not all manifests can be read", undefined, false, true],
    ["a manifest that cannot be read", { kind: "unknown", name, message: "" }, true, true],
    ["refused", { kind: "refused", name, state: "Failed", reason: "PortConflict", message: "" }, true, true],
  ];
  for (const [what, desired, synced, held] of answers) {
    it(`${held ? "stays held back" : "may start"}: ${what}`, async () => {
      seen = [ok(PANIC)];
      const heldBack = await open("two", [ran()]);
      follow(heldBack, desired, synced);
      assert.deepEqual([stateOf(heldBack) === "HeldBack", (await files()).length === 1], [held, held]);
    });
  }

  it("is what a damaged or later note says nothing of, by its file, until that is removed", async () => {
    await mkdir(heldBackFolder(stateDirectory));
    const path = heldPath(stateDirectory, "default_gemma");
    for (const text of ["", "{", '{"version":2}', "null"]) {
      await writeFile(path, text);
      const heldBack = await open("two");
      follow(heldBack, run);
      const hold = heldBack.holdOf(id);
      assert.deepEqual([hold?.state, hold?.reason], ["HeldBack", "Unreadable"]);
      assert.ok(hold?.message.includes(path));
      await rm(path);
      follow(heldBack, run);
      assert.equal(heldBack.holdOf(id), undefined);
    }
  });

  it("is held back though it cannot be noted, which is said", async () => {
    seen = [ok(PANIC)];
    await writeFile(join(stateDirectory, "held-back"), "");
    const without = await open("two");
    assert.match(
      without.problems().join(),
      /^the agent cannot read from .* which models are held back \(ENOTDIR\): they start/,
    );
    await rm(join(stateDirectory, "held-back"));
    await mkdir(join(stateDirectory, "held-back"));
    await mkdir(heldPath(stateDirectory, "default_gemma"));
    const heldBack = await open("two", [ran()]);
    follow(heldBack, run);
    assert.equal(stateOf(heldBack), "HeldBack");
    assert.match(
      heldBack.problems().join(),
      /^the agent cannot write to .*held-back which models are held back \(E\w+\)/,
    );
  });

  it("is noted in one file, which names its model, its boot and the report", async () => {
    seen = [ok(PANIC)];
    await open("two", [ran()]);
    const note: unknown = JSON.parse(await readFile(heldPath(stateDirectory, "default_gemma"), "utf8"));
    assert.deepEqual(note, {
      ...{ version: 1, ...ran(), open: false },
      cause: { kind: "panic", at: NOW, report: "/r/p.panic" },
    });
  });
});

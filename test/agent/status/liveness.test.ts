import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { watchdogPath } from "../../../agent/state/layout.ts";
import { livenessOf, type Signs, STUCK_MS } from "../../../agent/status/liveness.ts";
import { withWatchdog } from "../../../agent/status/overlay.ts";
import type { WorkloadStatus } from "../../../agent/status/status.ts";
import { readWatchdogFile, type WatchdogFile } from "../../../agent/status/watchdog-file.ts";
import { removeWatchdogFile, writeWatchdogFile } from "../../../agent/status/watchdog-file-write.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus, aWorkloadStatus, GIB } from "../http/recorded.ts";

const AT = Date.parse("2026-11-26T10:00:00.000Z");
const iso = (seconds: number) => new Date(AT + seconds * 1000).toISOString();

const written: WatchdogFile = {
  version: 1,
  pid: 300,
  updatedAt: iso(60),
  mainPid: 200,
  mainSeenAt: iso(0),
  mainAlive: true,
  servers: [],
  stops: [],
};

describe("whether an agent runs, as another process sees it", () => {
  const signs: Signs = { now: AT, held: true, heartbeatAt: AT, watchdog: undefined, watchdogLives: false };
  const cases: readonly (readonly [what: string, part: Partial<Signs>, is: string, watchdogPid?: number])[] = [
    ["a heartbeat just now", {}, "running"],
    ["just not too long ago", { now: AT + STUCK_MS - 1 }, "running"],
    ["too long ago", { now: AT + STUCK_MS }, "stuck"],
    ["a heartbeat in the future, as after a clock that was set back", { now: AT - 60_000 }, "running"],
    ["no heartbeat that can be read proves nothing", { heartbeatAt: undefined }, "running"],
    ["nobody has the folder", { held: false }, "gone"],
    ["a watchdog speaks for a stuck one", { now: AT + 61_000, watchdog: written, watchdogLives: true }, "stuck", 300],
    ["a watchdog alone", { now: AT + 61_000, held: false, watchdog: written, watchdogLives: true }, "gone", 300],
    ["a dead watchdog says nothing", { now: AT + 61_000, held: false, watchdog: written }, "gone"],
    ["nor a silent one", { now: AT + 91_000, held: false, watchdog: written, watchdogLives: true }, "gone"],
    [
      "a main part that lives again, before its watchdog takes back its word",
      { now: AT + 61_000, heartbeatAt: AT + 60_500, watchdog: written, watchdogLives: true },
      "running",
    ],
    [
      "one that its watchdog saw later than its heartbeat, as where only the disk hangs",
      { now: AT + 61_000, watchdog: { ...written, mainSeenAt: iso(60) }, watchdogLives: true },
      "running",
    ],
  ];
  for (const [what, part, is, pid] of cases) {
    it(`${what}: ${is}`, () => {
      const liveness = livenessOf({ ...signs, ...part });
      assert.equal(liveness.is, is);
      assert.equal("watchdog" in liveness ? liveness.watchdog?.pid : undefined, pid);
    });
  }

  it("counts from the last sign of life", () => {
    const liveness = livenessOf({ ...signs, now: AT + 42_000 });
    assert.deepEqual(liveness, { is: "stuck", forMs: 42_000, watchdog: undefined });
  });
});

describe("a status with what a watchdog has done since", () => {
  const chat: Partial<WorkloadStatus> = { pid: 101, measuredBytes: GIB, endpoint: "http://127.0.0.1:8080/v1" };
  const before = aStatus([aWorkloadStatus("default/chat", chat)], { updatedAt: iso(10) });
  const server = { id: "default/chat", name: "default/chat", pid: 101, budgetBytes: 2 * GIB, over: 0 };
  const stop = { id: "default/chat", name: "default/chat", at: iso(30), reason: "BudgetExceeded", message: "too much" };
  const workload = (watchdog: Partial<WatchdogFile>) => withWatchdog(before, { ...written, ...watchdog }).workloads[0];

  it("has its measurements", () => {
    const now = workload({ servers: [{ ...server, measuredBytes: 3 * GIB }] });
    assert.deepEqual([now?.state, now?.measuredBytes, now?.pid], ["Ready", 3 * GIB, 101]);
    assert.equal(workload({ servers: [server] })?.measuredBytes, undefined);
  });

  it("shows a server that it stopped as failed, without process and endpoint", () => {
    const now = workload({ stops: [stop] });
    assert.deepEqual([now?.state, now?.phase, now?.reason], ["Failed", "Failed", "BudgetExceeded"]);
    assert.deepEqual([now?.pid, now?.endpoint, now?.measuredBytes], [undefined, undefined, undefined]);
    assert.equal(now?.message, `too much; the watchdog stopped it at ${iso(30)}`);
  });

  it("shows a server that ended by itself as failed", () => {
    assert.deepEqual([workload({})?.state, workload({})?.reason], ["Failed", "ServerExited"]);
    assert.equal(workload({ servers: [{ ...server, pid: 102 }] })?.state, "Failed");
  });

  it("leaves a stop that the status knows already, and a workload without a process", () => {
    const old = workload({ stops: [{ ...stop, at: iso(5) }], servers: [server] });
    assert.equal(old?.state, "Ready");
    const waiting = aStatus([aWorkloadStatus("default/w", { state: "Waiting" })], { updatedAt: iso(10) });
    assert.deepEqual(withWatchdog(waiting, written), waiting);
  });

  it("leaves a status that is newer than its word", () => {
    const later = aStatus([aWorkloadStatus("default/chat", chat)], { updatedAt: iso(61) });
    assert.equal(withWatchdog(later, { ...written, stops: [stop] }), later);
  });
});

describe("watchdog.json", () => {
  it("is read as it was written, and a later watchdog may say more", async () => {
    const path = watchdogPath(await temporaryDirectory());
    assert.equal(await readWatchdogFile(path), undefined);
    await writeWatchdogFile(path, written);
    assert.deepEqual(await readWatchdogFile(path), written);
    await writeFile(path, JSON.stringify({ ...written, share: 1 }));
    assert.equal((await readWatchdogFile(path))?.pid, 300);
    await removeWatchdogFile(path);
    await removeWatchdogFile(path);
    assert.equal(await readWatchdogFile(path), undefined);
  });

  it("of another version, or damaged, says nothing", async () => {
    const path = join(await temporaryDirectory(), "watchdog.json");
    for (const text of ["{", "{}", JSON.stringify({ ...written, version: 2 })]) {
      await writeFile(path, text);
      assert.equal(await readWatchdogFile(path), undefined);
    }
  });
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { watchdogPath } from "../../../agent/state/layout.ts";
import { readWatchdogFile } from "../../../agent/status/watchdog-file.ts";
import { ARGUMENT } from "../../../agent/watchdog/protocol.ts";
import { openWatchdog, type Watchdog } from "../../../agent/watchdog/watchdog.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { BUDGET_BYTES, type Growing, growing } from "./growing.ts";

const MIB = 2 ** 20;
const PLENTY = Number.MAX_SAFE_INTEGER;

/** Two samples, and what a busy machine adds. Without a watchdog a process would reach far more. */
const MOST_MIB = BUDGET_BYTES / MIB + 250;

/** Pids of the watchdogs of a state folder. */
async function watchdogsOf(stateDirectory: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const found: number[] = [];
  for (const pid of pids) {
    const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    if (argv.includes(ARGUMENT) && argv.includes(stateDirectory)) found.push(Number(pid));
  }
  return found;
}

async function until(holds: () => boolean | Promise<boolean>, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await holds())) {
    assert(performance.now() < deadline, "it did not come about in time");
    await sleep(50);
  }
}

function told(stateDirectory: string) {
  return readWatchdogFile(watchdogPath(stateDirectory));
}

describe("the watchdog's process", function () {
  this.timeout(60_000);
  before(function () {
    if (process.platform !== "linux") this.skip();
  });
  const processes: Growing[] = [];
  let stateDirectory: string;
  let watchdog: Watchdog;
  const said: string[] = [];

  const start = async (delayMs?: number) => {
    const one = await growing(delayMs);
    processes.push(one);
    return one;
  };
  beforeEach(async () => {
    stateDirectory = await temporaryDirectory();
    said.length = 0;
    const clock = () => performance.now();
    watchdog = openWatchdog({ stateDirectory, clock, say: (message) => said.push(message), wake: () => {} });
  });
  afterEach(async () => {
    await watchdog.close();
    for (const { child } of processes.splice(0)) child.kill("SIGKILL");
    await until(async () => (await watchdogsOf(stateDirectory)).length === 0, 10);
  });

  it("does not run while there is nothing to hold", async () => {
    watchdog.hold({ processes: [], shareBytes: PLENTY });
    await sleep(200);
    assert.deepEqual(await watchdogsOf(stateDirectory), []);
  });

  it("stops what outgrows its budget, and reports why before the exit can be seen", async () => {
    const { child, held, allocated } = await start();
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await once(child, "exit");
    await new Promise(setImmediate);
    assert.match(watchdog.sighting("growing", held.pid)?.stop?.message ?? "", /^measured .*, budget 200\.0 MiB/);
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
  });

  it("stops it also while the agent's main thread is blocked", async () => {
    const { child, held, allocated } = await start(1000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(() => watchdog.sighting("growing", held.pid) !== undefined, 10);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15_000);
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal(watchdog.sighting("growing", held.pid)?.stop?.reason, "BudgetExceeded");
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
  });

  it("stops it also after the agent was killed, and then ends", async () => {
    const { child, held, allocated } = await start(5000);
    const program = join(import.meta.dirname, "stand-in-main.ts");
    const main = spawn(process.execPath, [program, stateDirectory, JSON.stringify(held)], { stdio: "ignore" });
    await until(() => existsSync(watchdogPath(stateDirectory)), 10);
    main.kill("SIGKILL");
    await until(async () => (await told(stateDirectory))?.mainAlive === false, 10);
    assert.deepEqual(
      (await told(stateDirectory))?.servers.map(({ name }) => name),
      ["default/growing"],
    );
    await once(child, "exit");
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
    await until(async () => (await watchdogsOf(stateDirectory)).length === 0, 10);
  });

  it("goes on where a file names a watchdog that has ended", async () => {
    const { child, held, allocated } = await start(9000);
    const program = join(import.meta.dirname, "stand-in-main.ts");
    const main = spawn(process.execPath, [program, stateDirectory, JSON.stringify(held)], { stdio: "ignore" });
    await until(() => existsSync(watchdogPath(stateDirectory)), 10);
    main.kill("SIGKILL");
    await until(async () => (await told(stateDirectory))?.mainAlive === false, 10);
    const { pid: ended = 0 } = spawn("true");
    await writeFile(watchdogPath(stateDirectory), JSON.stringify({ version: 1, pid: ended }));
    await once(child, "exit");
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
  });

  it("goes on with what the watchdog of the next agent does not hold", async () => {
    const { child, held, allocated } = await start(14_000);
    const other = await start(60_000);
    const program = join(import.meta.dirname, "stand-in-main.ts");
    const main = spawn(process.execPath, [program, stateDirectory, JSON.stringify(held)], { stdio: "ignore" });
    await until(async () => (await told(stateDirectory))?.mainAlive === true, 10);
    main.kill("SIGKILL");
    await until(async () => (await told(stateDirectory))?.mainAlive === false, 10);
    watchdog.hold({ processes: [{ ...other.held, key: "other" }], shareBytes: PLENTY });
    await once(child, "exit");
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
    await until(async () => (await watchdogsOf(stateDirectory)).length === 1, 10);
  });

  it("leaves what it holds to the watchdog of the next agent", async () => {
    const { child, held } = await start(60_000);
    const program = join(import.meta.dirname, "stand-in-main.ts");
    const main = spawn(process.execPath, [program, stateDirectory, JSON.stringify(held)], { stdio: "ignore" });
    await until(async () => (await told(stateDirectory))?.mainAlive === true, 10);
    main.kill("SIGKILL");
    await until(async () => (await told(stateDirectory))?.mainAlive === false, 10);
    const [old] = await watchdogsOf(stateDirectory);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(async () => !(await watchdogsOf(stateDirectory)).includes(old ?? 0), 4);
    assert.equal((await watchdogsOf(stateDirectory)).length, 1);
    assert.equal(child.exitCode ?? child.signalCode, null);
  });

  it("is replaced at once if it ends, and says so", async () => {
    const { child, held, allocated } = await start(3000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(() => watchdog.sighting("growing", held.pid) !== undefined, 10);
    const [first] = await watchdogsOf(stateDirectory);
    assert(first);
    process.kill(first, "SIGKILL");
    await once(child, "exit");
    assert.match(said.join(), /^the watchdog ended \(SIGKILL\): starting another one$/);
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
  });

  it("is replaced if it is stopped or hangs, and says so", async () => {
    const { child, held, allocated } = await start(9000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(() => watchdog.sighting("growing", held.pid) !== undefined, 10);
    const [first] = await watchdogsOf(stateDirectory);
    assert(first);
    process.kill(first, "SIGSTOP");
    const beats = setInterval(watchdog.beat, 1000);
    await once(child, "exit", { signal: AbortSignal.timeout(30_000) }).finally(() => clearInterval(beats));
    assert.match(said.join(), /^the watchdog ended \(it did not report for 5 s\): starting another one$/);
    assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
  });

  it("is not replaced because the main part was blocked", async () => {
    const { held } = await start(60_000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(() => watchdog.sighting("growing", held.pid) !== undefined, 10);
    const before = await watchdogsOf(stateDirectory);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7000);
    for (let ticks = 0; ticks < 4; ticks += 1) {
      await new Promise(setImmediate);
      watchdog.beat();
    }
    assert.deepEqual(await watchdogsOf(stateDirectory), before);
    assert.deepEqual(said, []);
  });

  it("goes on after every signal that a person or a terminal sends, and opens no debugger", async () => {
    const { held } = await start(60_000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(() => watchdog.sighting("growing", held.pid) !== undefined, 10);
    const before = await watchdogsOf(stateDirectory);
    const signals = ["SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
    for (const signal of signals) process.kill(before[0] ?? 0, signal);
    await sleep(1000);
    assert.deepEqual(await watchdogsOf(stateDirectory), before);
    await assert.rejects(fetch("http://127.0.0.1:9229/json/version", { signal: AbortSignal.timeout(2000) }));
  });

  for (const [what, spawnOne] of [
    ["cannot be started", () => "spawn ENOMEM"],
    [
      "ends at once",
      () => spawn(process.execPath, ["-e", "process.exit(3)"], { stdio: ["ignore", "ignore", "ignore", "ipc"] }),
    ],
    ["is no program any more", () => spawn("/no/such/node", [], { stdio: ["ignore", "ignore", "ignore", "ipc"] })],
  ] as const) {
    it(`lets the main part hold the budgets, and nothing start, while it ${what}`, async () => {
      const { child, held, allocated } = await start(2000);
      const alone = openWatchdog({
        ...{ stateDirectory, clock: () => performance.now(), say: (message) => said.push(message), wake: () => {} },
        spawn: spawnOne,
      });
      alone.hold({ processes: [held], shareBytes: PLENTY });
      await until(() => alone.trouble() !== undefined, 10);
      const beats = setInterval(alone.beat, 1000);
      await once(child, "exit", { signal: AbortSignal.timeout(20_000) }).finally(() => clearInterval(beats));
      assert.equal(alone.sighting("growing", held.pid)?.stop?.reason, "BudgetExceeded");
      assert((await allocated()) < MOST_MIB, `${await allocated()} MiB`);
      assert.match(
        alone.problems().join(),
        /^the watchdog ended \(.+\); until it is up again the agent's main part holds/,
      );
      assert.equal(said.length, 1);
      await alone.close();
    });
  }

  it("tells that the main part is stuck, and takes it back", async () => {
    const { held } = await start(60_000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    const seenFor = async () => {
      const state = await told(stateDirectory);
      return state === undefined ? 0 : Date.parse(state.updatedAt) - Date.parse(state.mainSeenAt);
    };
    await until(async () => (await seenFor()) > 4000, 15);
    watchdog.beat();
    await until(async () => (await seenFor()) < 4000, 15);
  });

  it("ends without a trace, and what it held runs on", async () => {
    const { child, held } = await start(60_000);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(() => existsSync(watchdogPath(stateDirectory)), 10);
    await watchdog.close();
    assert.deepEqual(await watchdogsOf(stateDirectory), []);
    assert.deepEqual(await readdir(stateDirectory), []);
    assert.equal(child.exitCode ?? child.signalCode, null);
  });

  it("takes away at its end what a kill in the midst of a write has left, and no other file", async () => {
    const path = watchdogPath(stateDirectory);
    const others = ["status.json.12", "watchdog.json.bak", "xwatchdog.json.3"];
    for (const name of [...others, "watchdog.json.2634791365"]) await writeFile(join(stateDirectory, name), "{");
    watchdog.hold({ processes: [(await start(60_000)).held], shareBytes: PLENTY });
    await until(() => existsSync(path), 10);
    await watchdog.close();
    assert.deepEqual((await readdir(stateDirectory)).toSorted(), others.toSorted());
  });

  it("takes away at its end what a watchdog of an earlier agent wrote last, and not the file of one that lives", async () => {
    const path = watchdogPath(stateDirectory);
    const ended = spawn("true");
    await once(ended, "exit");
    await writeFile(path, JSON.stringify({ version: 1, pid: process.pid }));
    await watchdog.close();
    assert.equal(existsSync(path), true);
    await writeFile(path, JSON.stringify({ version: 1, pid: ended.pid }));
    await watchdog.close();
    assert.equal(existsSync(path), false);
  });
});

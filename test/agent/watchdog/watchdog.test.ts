import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
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

  it("leaves what it holds to the watchdog of the next agent", async () => {
    const { child, held } = await start(60_000);
    const program = join(import.meta.dirname, "stand-in-main.ts");
    const main = spawn(process.execPath, [program, stateDirectory, JSON.stringify(held)], { stdio: "ignore" });
    await until(async () => (await told(stateDirectory))?.mainAlive === true, 10);
    main.kill("SIGKILL");
    await until(async () => (await told(stateDirectory))?.mainAlive === false, 10);
    const [old] = await watchdogsOf(stateDirectory);
    watchdog.hold({ processes: [held], shareBytes: PLENTY });
    await until(async () => !(await watchdogsOf(stateDirectory)).includes(old ?? 0), 30);
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

  it("that cannot be started leaves nothing known of what it should hold, and is said once", async () => {
    const node = process.execPath;
    const { held } = await start();
    try {
      // As after an update of Node.js that removed the old one.
      process.execPath = join(stateDirectory, "node");
      watchdog.hold({ processes: [held], shareBytes: PLENTY });
      await until(() => watchdog.problems().length > 0, 10);
      assert.equal(watchdog.sighting(held.key, held.pid)?.footprint.unknown, true);
      await sleep(2500);
      assert.equal(said.length, 1, said.join("\n"));
    } finally {
      process.execPath = node;
    }
    await until(() => watchdog.sighting(held.key, held.pid)?.footprint.unknown === false, 10);
    assert.deepEqual(watchdog.problems(), []);
  });

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
});

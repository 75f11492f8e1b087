import assert from "node:assert/strict";
import { chmod, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { isLocked, lockState } from "../../../agent/state/lock.ts";
import { parseElapsed, processAgeMs } from "../../../agent/state/process-age.ts";
import { fileSink } from "../../../agent/status/status-file.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus } from "../http/recorded.ts";

const NOBODY = 65_534;

describe("the lock of a state folder", function () {
  this.timeout(30_000);
  let folder: string;

  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "state");
  });

  const lock = () => lockState(folder, () => {});
  const refusal = async () => {
    const locked = await lock();
    return locked.ok ? assert.fail("locked") : locked.error;
  };
  const ownedBy = async (pid: number, startedAt: number) => {
    const { agent, workloads } = aStatus([]);
    await fileSink(folder).publish({
      agent: { ...agent, pid, startedAt: new Date(startedAt).toISOString() },
      workloads,
    });
  };

  it("is one agent's, and says whose", async () => {
    const first = await lock();
    assert(first.ok);
    await ownedBy(process.pid, Date.now());
    assert.equal(await isLocked(folder), true);
    const said = new RegExp(
      `^another agent \\(pid ${process.pid}\\) uses the state folder .*: stop it, or name another`,
    );
    assert.match(await refusal(), said);
    await first.value();
    assert.equal(await isLocked(folder), false);
  });

  it("stays with an agent that is stuck and refreshes it no more: it may go on at any time", async () => {
    await mkdir(folder);
    await ownedBy(process.pid, Date.now());
    await mkdir(`${folder}.lock`);
    await utimes(`${folder}.lock`, 1, 1);
    assert.match(await refusal(), new RegExp(`^another agent \\(pid ${process.pid}\\) uses the state folder`));
    await rm(`${folder}.lock`, { recursive: true });
    const locked = await lock();
    assert(locked.ok, locked.ok ? "" : locked.error);
    await locked.value();
  });

  it("is not held by a later process that was given the pid of a dead agent", async () => {
    await mkdir(folder);
    await ownedBy(process.pid, Date.now() - 3_600_000 - process.uptime() * 1000);
    await mkdir(`${folder}.lock`);
    assert.equal(await isLocked(folder), false);
    const locked = await lock();
    assert(locked.ok, locked.ok ? "" : locked.error);
    await locked.value();
  });

  it("is taken, not waited for, where a clock that was put back has left it in the future", async () => {
    await mkdir(`${folder}.lock`);
    const future = new Date(Date.now() + 86_400_000);
    await utimes(`${folder}.lock`, future, future);
    const locked = await lock();
    assert(locked.ok, locked.ok ? "" : locked.error);
    await locked.value();
  });

  it("is another agent's while somebody refreshes it, whatever its clock says", async () => {
    await mkdir(`${folder}.lock`);
    let ahead = 86_400_000;
    const refreshing = setInterval(() => {
      ahead += 1000;
      utimes(`${folder}.lock`, new Date(Date.now() + ahead), new Date(Date.now() + ahead)).catch(() => {});
    }, 500);
    try {
      assert.match(await refusal(), /^another agent uses the state folder /);
    } finally {
      clearInterval(refreshing);
    }
  });

  it("says what is wrong where the lock itself cannot be made", async () => {
    await writeFile(`${folder}.lock`, "");
    await utimes(`${folder}.lock`, 1, 1);
    assert.match(
      await refusal(),
      /^the lock .*state\.lock is not an agent's lock \(ENOTDIR\): remove it if no agent runs$/,
    );
    await rm(`${folder}.lock`);
    folder = join(folder, "n".repeat(300));
    assert.match(await refusal(), /^the path of the state folder .* is too long: name a shorter one with --state$/);
  });

  it("says which folder must be writable", async function () {
    if (process.getuid?.() !== 0) this.skip();
    await mkdir(folder, { mode: 0o777 });
    await chmod(folder, 0o777);
    await chmod(join(folder, ".."), 0o755);
    process.seteuid?.(NOBODY);
    try {
      assert.match(
        await refusal(),
        /^the lock .*state\.lock cannot be written \(EACCES\): make .* writable, or name another state folder with --state$/,
      );
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe("the age of a process", () => {
  it("is read from the system", async () => {
    const child = execa("sleep", ["30"], { reject: false });
    try {
      const [own = 0, its = 0] = [await processAgeMs(process.pid), await processAgeMs(child.pid ?? 0)];
      assert.ok(Math.abs(own / 1000 - process.uptime()) < 2, `${own}`);
      assert.ok(its < 2000, `${its}`);
    } finally {
      child.kill();
    }
    assert.equal(await processAgeMs(2 ** 22 + 1), undefined);
  });

  const elapsed: readonly (readonly [text: string, seconds: number | undefined])[] = [
    ["00:03", 3],
    ["12:34", 754],
    ["01:00:00", 3600],
    ["2-01:00:01", 176_401],
    ["", undefined],
  ];
  for (const [text, seconds] of elapsed) {
    it(`${text || "nothing"} is ${seconds ?? "unknown"}`, () => {
      assert.equal(parseElapsed(text), seconds === undefined ? undefined : seconds * 1000);
    });
  }
});

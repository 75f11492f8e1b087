import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Claim, claimFileName, claimText } from "../../../agent/claims/claim.ts";
import type { HeldServer } from "../../../agent/claims/holding.ts";
import { type HostClaims, openClaims } from "../../../agent/claims/host-claims.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { thisPlatform } from "../this-platform.ts";

const MIB = 2 ** 20;
const NOTHING = { servers: [], pendingBytes: 0 };

/** Two agents are two openings of one folder: the pid in both is that of this process, the state folder tells them apart. */
describe("the claims of several agents", function () {
  this.timeout(30_000);
  let folder = "";
  let woken = 0;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "claims");
    woken = 0;
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  const platformOf = async () => {
    const platform = await thisPlatform();
    assert(platform.ok);
    return platform.value;
  };
  const agent = async (stateDirectory: string, part: { readonly clock?: () => number } = {}) =>
    openClaims({
      ...{ folder, stateDirectory, platform: await platformOf(), allocatableBytes: 700 * MIB, background },
      ...{ clock: () => performance.now(), granted: () => (woken += 1), ...part },
    });
  const told = async (claims: HostClaims, holding: Parameters<HostClaims["hold"]>[0]) => {
    claims.hold(holding);
    await claims.settled();
  };
  const child = async (as: { readonly uid?: number } = {}): Promise<HeldServer> => {
    const process = spawn("sleep", ["300"], { stdio: "ignore", ...as });
    children.push(process);
    await once(process, "spawn");
    const pid = process.pid ?? 0;
    return { pid, startTime: (await (await platformOf()).startTime(pid)) ?? undefined, chargeBytes: 300 * MIB };
  };
  const gone = async (server: HeldServer) => {
    const process = children.find(({ pid }) => pid === server.pid);
    assert(process);
    process.kill("SIGKILL");
    await once(process, "exit");
  };
  const files = async () => (await readdir(folder)).filter((name) => name.endsWith(".json"));
  /** The claim of a process that another agent may be, written as that agent would. */
  const foreign = async (pid: number, part: Partial<Claim> = {}) => {
    const { bootId, startTime } = await platformOf();
    await mkdir(folder, { recursive: true });
    const path = join(folder, claimFileName({ key: "00112233445566aa", pid }, "0123abcd"));
    const claim = { bootId, pid, startTime: (await startTime(pid)) ?? "0", user: "somebody", servers: [] };
    await writeFile(path, claimText({ ...claim, pendingBytes: 0, grantedBytes: 500 * MIB, ...part }));
    return path;
  };

  it("need no folder while nobody holds anything", async () => {
    const one = await agent("/one");
    await told(one, NOTHING);
    assert.deepEqual([one.trouble(), one.others(), one.shareBytes()], [undefined, [], 700 * MIB]);
    await assert.rejects(stat(folder), { code: "ENOENT" });
  });

  it("are in a folder that every user can write to, in files that every user can read and that name no path", async () => {
    const mask = process.umask(0o077);
    try {
      const one = await agent("/one");
      await told(one, { servers: [], pendingBytes: MIB });
    } finally {
      process.umask(mask);
    }
    assert.equal((await stat(folder)).mode & 0o7777, 0o1777);
    const [name = ""] = await readdir(folder);
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o644);
    assert.doesNotMatch(await readFile(join(folder, name), "utf8"), /\/one/);
  });

  it("grant a start only once it is announced, and wake the agent then", async () => {
    const one = await agent("/one");
    assert.ok(!one.covers(MIB));
    await told(one, { servers: [], pendingBytes: 400 * MIB });
    assert.deepEqual([one.covers(400 * MIB), one.covers(400 * MIB + 1), woken], [true, false, 1]);
    await told(one, NOTHING);
    assert.deepEqual([one.covers(1), await files()], [false, []]);
  });

  it("count what another agent holds, and name it", async () => {
    const [one, two] = [await agent("/one"), await agent("/two")];
    await told(one, { servers: [await child()], pendingBytes: 200 * MIB });
    await told(two, { servers: [], pendingBytes: 400 * MIB });
    const label = `another agent (pid ${process.pid}, user ${execFileSync("id", ["-un"], { encoding: "utf8" }).trim()})`;
    assert.equal(two.others()[0]?.label, label);
    assert.deepEqual([two.covers(400 * MIB), two.shareBytes()], [false, 200 * MIB]);
    assert.deepEqual([one.others(), one.shareBytes()], [[], 700 * MIB]);
  });

  it("grant it to one only of two that announce at the same moment, and to that one in the end", async () => {
    for (let round = 0; round < 20; round += 1) {
      folder = join(await temporaryDirectory(), "claims");
      const agents = [await agent("/one"), await agent("/two")];
      // Like ticks: each announces again while admission finds room beside what the other one has shown.
      for (let tick = 0; tick < 4; tick += 1) {
        for (const each of agents) {
          const taken = each.others().reduce((sum, { bytes }) => sum + bytes, 0);
          each.hold({ servers: [], pendingBytes: taken + 400 * MIB <= 700 * MIB ? 400 * MIB : 0 });
        }
        await Promise.all(agents.map((each) => each.settled()));
        assert.ok(agents.filter((each) => each.covers(400 * MIB)).length <= 1);
      }
      assert.equal(agents.filter((each) => each.covers(400 * MIB)).length, 1);
    }
  });

  it("give a grant back whose start did not come, when more is asked for and not granted", async () => {
    const [one, two] = [await agent("/one"), await agent("/two")];
    await told(one, { servers: [], pendingBytes: 300 * MIB });
    assert.equal(one.covers(300 * MIB), true);
    await told(two, { servers: [await child()], pendingBytes: 0 });
    await told(one, { servers: [], pendingBytes: 500 * MIB });
    assert.deepEqual([one.covers(500 * MIB), one.covers(300 * MIB)], [false, false]);
    await told(one, { servers: [], pendingBytes: 300 * MIB });
    assert.equal(one.covers(300 * MIB), true);
  });

  it("give the share up to which servers may grow: the one that outgrows it gives way, and not the other one", async () => {
    const [one, two] = [await agent("/one"), await agent("/two")];
    const [server, other] = [await child(), await child()];
    await told(one, { servers: [server], pendingBytes: 0 });
    await told(two, { servers: [other], pendingBytes: 0 });
    const grown = { ...server, chargeBytes: 420 * MIB };
    await told(one, { servers: [grown], pendingBytes: 0 });
    await told(two, { servers: [other], pendingBytes: 0 });
    assert.deepEqual([one.shareBytes(), two.shareBytes()], [400 * MIB, 400 * MIB]);
    await told(one, { servers: [{ ...server, chargeBytes: 390 * MIB }], pendingBytes: 0 });
    await told(two, { servers: [{ ...other, chargeBytes: 320 * MIB }], pendingBytes: 0 });
    await told(one, { servers: [{ ...server, chargeBytes: 390 * MIB }], pendingBytes: 0 });
    assert.deepEqual([one.shareBytes(), two.shareBytes()], [400 * MIB, 310 * MIB]);
  });

  it("count for the servers of an agent that was killed, until the next one of its state folder has them", async () => {
    const server = await child();
    const agentOfBefore = await child();
    await foreign(agentOfBefore.pid, { servers: [{ pid: server.pid, startTime: server.startTime, bytes: 300 * MIB }] });
    await gone(agentOfBefore);
    const two = await agent("/two");
    assert.match(two.others()[0]?.label ?? "", /^servers that outlived their agent \(pid \d+, user /);
    assert.equal(two.others()[0]?.bytes, 300 * MIB);
    await gone(server);
    await told(two, { servers: [], pendingBytes: 600 * MIB });
    assert.ok(two.covers(600 * MIB));
    assert.deepEqual((await files()).length, 1, "the claim of a dead agent of the same user is removed");
  });

  it("pass from a killed agent to the next one without a moment in which they count for nothing", async () => {
    const server = await child();
    const before = await agent("/one");
    await told(before, { servers: [server], pendingBytes: 0 });
    const two = await agent("/two");
    assert.equal(two.others()[0]?.bytes, 300 * MIB);
    const after = await agent("/one");
    assert.deepEqual([after.others(), after.covers(300 * MIB)], [[], true]);
    await told(two, NOTHING);
    assert.equal(two.others()[0]?.bytes, 300 * MIB);
    await told(after, { servers: [server], pendingBytes: 0 });
    await told(two, NOTHING);
    assert.deepEqual([two.others()[0]?.bytes, (await files()).length], [300 * MIB, 1]);
  });

  it("of a process that has the pid of a dead agent count for nothing", async () => {
    const { pid } = await child();
    await foreign(pid, { startTime: "1", pendingBytes: 600 * MIB });
    const two = await agent("/two");
    assert.deepEqual([two.others(), two.trouble()], [[], undefined]);
  });

  it("that are damaged stop all starts while their process lives, and say which", async () => {
    const { pid } = await child();
    const path = await foreign(pid);
    await writeFile(path, "{");
    const two = await agent("/two");
    assert.match(
      two.trouble() ?? "",
      new RegExp(`pid ${pid}.*cannot be read from ${path} \\(damaged\\): end that process`),
    );
    assert.deepEqual(two.problems(), [two.trouble()]);
    await rm(path);
    await told(two, { servers: [], pendingBytes: MIB });
    assert.deepEqual([two.trouble(), two.covers(MIB)], [undefined, true]);
  });

  it("are neither a link, nor a pipe, nor a large file", async () => {
    const { pid } = await child();
    const path = await foreign(pid);
    await rm(path);
    await symlink("/etc/passwd", path);
    assert.deepEqual((await agent("/two")).problems(), []);
    await rm(path);
    execFileSync("mkfifo", [path]);
    assert.deepEqual((await agent("/two")).problems(), []);
    await rm(path);
    await writeFile(path, Buffer.alloc(100_000, " "));
    assert.match((await agent("/two")).trouble() ?? "", /larger than 64 KiB/);
  });

  it("of another user count, and name that user", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const { pid } = await child({ uid: 12_345 });
    const path = await foreign(pid, { pendingBytes: 600 * MIB });
    await chown(path, 12_345, 12_345);
    const two = await agent("/zz");
    await told(two, { servers: [], pendingBytes: 200 * MIB });
    assert.ok(!two.covers(200 * MIB));
    assert.deepEqual(two.problems(), []);
    await foreign(pid, { servers: [{ pid, bytes: 600 * MIB }] });
    await told(two, NOTHING);
    const [other] = two.others();
    assert.deepEqual([other?.label, other?.bytes], [`another agent (pid ${pid}, user somebody, id 12345)`, 600 * MIB]);
  });

  it("of another user count only for processes of that user", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const { pid } = await child();
    const path = await foreign(pid, { pendingBytes: 600 * MIB });
    await chown(path, 12_345, 12_345);
    const two = await agent("/two");
    assert.deepEqual(two.others(), []);
    assert.match(two.problems()[0] ?? "", /of user id 12345 names processes of other users, and counts for nothing/);
    assert.equal(two.trouble(), undefined);
    assert.deepEqual((await files()).length, 1, "it is not ours to remove");
  });

  it("are written again when somebody has removed them", async () => {
    const one = await agent("/one");
    const holding = { servers: [await child()], pendingBytes: 0 };
    await told(one, holding);
    await rm(folder, { recursive: true });
    await told(one, holding);
    await told(one, holding);
    assert.equal((await files()).length, 1);
  });

  it("are not written while nothing changes, nor for a charge that shrinks a little", async () => {
    const one = await agent("/one");
    const server = await child();
    await told(one, { servers: [server], pendingBytes: 0 });
    const [name = ""] = await files();
    const changeTime = async () => (await stat(join(folder, name), { bigint: true })).ctimeNs;
    const written = await changeTime();
    for (const less of [0, 1, 15 * MIB]) {
      await told(one, { servers: [{ ...server, chargeBytes: server.chargeBytes - less }], pendingBytes: 0 });
      assert.equal(await changeTime(), written);
    }
    await told(one, { servers: [{ ...server, chargeBytes: server.chargeBytes + 1 }], pendingBytes: 0 });
    assert.notEqual(await changeTime(), written);
  });

  it("are written again each hour, because systems remove old temporary files", async () => {
    let now = 0;
    const one = await agent("/one", { clock: () => now });
    const holding = { servers: [await child()], pendingBytes: 0 };
    await told(one, holding);
    const [name = ""] = await files();
    const changeTime = async () => (await stat(join(folder, name), { bigint: true })).ctimeNs;
    const written = await changeTime();
    now += 3_599_000;
    await told(one, holding);
    assert.equal(await changeTime(), written);
    now += 1000;
    await told(one, holding);
    assert.notEqual(await changeTime(), written);
  });

  it("that cannot be written or read stop all starts, with the owner of the folder", async () => {
    await writeFile(folder, "");
    await chmod(folder, 0o600);
    const one = await agent("/one");
    await told(one, { servers: [], pendingBytes: MIB });
    assert.ok(!one.covers(MIB));
    assert.match(
      one.trouble() ?? "",
      /cannot be used \(ENOTDIR; it belongs to user id \d+\): repair it, or name another one with --claims$/,
    );
    await rm(folder);
    await told(one, { servers: [], pendingBytes: MIB });
    assert.deepEqual([one.trouble(), one.covers(MIB)], [undefined, true]);
  });

  it("that do not answer stop starts, and hold up nothing else", async () => {
    let hung = Promise.withResolvers<void>();
    hung.resolve();
    let now = 0;
    const platform = await platformOf();
    const { pid } = await child();
    await foreign(pid, { pendingBytes: 100 * MIB });
    const startTime = async (one: number) => {
      if (one === pid) await hung.promise;
      return platform.startTime(one);
    };
    const one = await openClaims({
      ...{ folder, stateDirectory: "/one", platform: { bootId: platform.bootId, startTime }, background },
      ...{ allocatableBytes: 700 * MIB, clock: () => now, granted: () => {} },
    });
    hung = Promise.withResolvers<void>();
    now += 11_000;
    one.hold({ servers: [], pendingBytes: MIB });
    await sleep(50);
    now += 5001;
    assert.ok(!one.covers(MIB));
    assert.match(one.trouble() ?? "", /does not answer/);
    hung.resolve();
    await one.settled();
    assert.deepEqual([one.trouble(), one.covers(MIB)], [undefined, true]);
  });
});

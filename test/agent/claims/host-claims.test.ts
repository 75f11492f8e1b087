import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../../support/workspace.ts";
import { claimsGround, MIB, NOTHING } from "./claims-ground.ts";

/** Two agents are two openings of one folder: the pid in both is that of this process, the state folder tells them apart. */
describe("the claims of several agents", function () {
  this.timeout(30_000);
  const { ground, agent, told, child, gone, files, foreign } = claimsGround();

  it("need no folder while nobody holds anything", async () => {
    const one = await agent("/one");
    await told(one, NOTHING);
    assert.deepEqual([one.trouble(), one.others(), one.shareBytes()], [undefined, [], 700 * MIB]);
    await assert.rejects(stat(ground.folder), { code: "ENOENT" });
  });

  it("are in a folder that every user can write to, in files that every user can read and that name no path", async () => {
    const mask = process.umask(0o077);
    try {
      const one = await agent("/one");
      await told(one, { servers: [], pendingBytes: MIB });
    } finally {
      process.umask(mask);
    }
    assert.equal((await stat(ground.folder)).mode & 0o7777, 0o1777);
    const [name = ""] = await readdir(ground.folder);
    assert.equal((await stat(join(ground.folder, name))).mode & 0o777, 0o644);
    assert.doesNotMatch(await readFile(join(ground.folder, name), "utf8"), /\/one/);
  });

  it("grant a start only once it is announced, and wake the agent then", async () => {
    const one = await agent("/one");
    assert.ok(!one.covers(MIB));
    await told(one, { servers: [], pendingBytes: 400 * MIB });
    assert.deepEqual([one.covers(400 * MIB), one.covers(400 * MIB + 1), ground.woken], [true, false, 1]);
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
      ground.folder = join(await temporaryDirectory(), "claims");
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
});

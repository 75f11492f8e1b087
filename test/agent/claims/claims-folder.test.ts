import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openClaims } from "../../../agent/claims/host-claims.ts";
import { background } from "../samples.ts";
import { claimsGround, MIB, NOTHING } from "./claims-ground.ts";

describe("the folder of claims", function () {
  this.timeout(30_000);
  const { ground, platformOf, agent, told, child, files, foreign } = claimsGround();

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
    await rm(ground.folder, { recursive: true });
    await told(one, holding);
    await told(one, holding);
    assert.equal((await files()).length, 1);
  });

  it("are not written while nothing changes, nor for a charge that shrinks a little", async () => {
    const one = await agent("/one");
    const server = await child();
    await told(one, { servers: [server], pendingBytes: 0 });
    const [name = ""] = await files();
    const changeTime = async () => (await stat(join(ground.folder, name), { bigint: true })).ctimeNs;
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
    const changeTime = async () => (await stat(join(ground.folder, name), { bigint: true })).ctimeNs;
    const written = await changeTime();
    now += 3_599_000;
    await told(one, holding);
    assert.equal(await changeTime(), written);
    now += 1000;
    await told(one, holding);
    assert.notEqual(await changeTime(), written);
  });

  it("that cannot be written or read stop all starts, with the owner of the folder", async () => {
    await writeFile(ground.folder, "");
    await chmod(ground.folder, 0o600);
    const one = await agent("/one");
    await told(one, { servers: [], pendingBytes: MIB });
    assert.ok(!one.covers(MIB));
    assert.match(
      one.trouble() ?? "",
      /cannot be used \(ENOTDIR; it belongs to user id \d+\): repair it, or name another one with --claims$/,
    );
    await rm(ground.folder);
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
      ...{
        folder: ground.folder,
        stateDirectory: "/one",
        platform: { bootId: platform.bootId, startTime },
        background,
      },
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

import assert from "node:assert/strict";
import { mkdir, realpath, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { canonicalPath } from "../../../agent/state/canonical-path.ts";
import { defaultState } from "../../../agent/state/default-state.ts";
import { isLocked, lockState } from "../../../agent/state/lock.ts";
import { fileSink } from "../../../agent/status/status-file.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus } from "../http/recorded.ts";

/** A folder `real/one`, and a link to `real` beside it, as `/tmp` is one to `/private/tmp` on macOS. */
async function linked() {
  const root = await realpath(await temporaryDirectory());
  const one = join(root, "real", "one");
  await mkdir(one, { recursive: true });
  await symlink(join(root, "real"), join(root, "link"));
  await symlink(one, join(root, "alias"));
  return { one, throughLink: join(root, "link", "one"), alias: join(root, "alias"), root };
}

describe("what is keyed by a path", function () {
  this.timeout(30_000);

  it("has one name, whatever the links on the way, and also where it does not exist yet", async () => {
    const { one, throughLink, alias, root } = await linked();
    assert.deepEqual([one, throughLink, alias].map(canonicalPath), [one, one, one]);
    assert.equal(canonicalPath(join(root, "link", "new", "er")), join(root, "real", "new", "er"));
    assert.equal(canonicalPath("/"), "/");
    assert.equal(canonicalPath("/no/such/folder"), "/no/such/folder");
  });

  it("is the state folder of the manifests: one folder of them has one, by whatever path", async () => {
    const { one, throughLink, alias, root } = await linked();
    assert.deepEqual([throughLink, alias].map(defaultState), [defaultState(one), defaultState(one)]);
    assert.notEqual(defaultState(root), defaultState(one));
  });

  it("is the lock of a state folder: who comes by a link finds it taken, by whom", async () => {
    const { one, throughLink, alias } = await linked();
    const first = await lockState(alias, () => {});
    assert(first.ok);
    const { agent, workloads } = aStatus([]);
    await fileSink(one).publish({
      agent: { ...agent, pid: process.pid, startedAt: new Date().toISOString() },
      workloads,
    });
    for (const path of [one, throughLink, alias]) {
      assert.equal(await isLocked(path), true, path);
      const second = await lockState(path, () => {});
      assert(!second.ok);
      assert.match(second.error, new RegExp(`another agent \\(pid ${process.pid}\\) uses the state folder ${one}:`));
    }
    await first.value();
    assert.equal(await isLocked(alias), false);
  });

  it("is a lock that was left with a time in the future: who comes by a link takes it", async () => {
    const { one, alias } = await linked();
    await mkdir(`${one}.lock`);
    const future = new Date(Date.now() + 86_400_000);
    await utimes(`${one}.lock`, future, future);
    const locked = await lockState(alias, () => {});
    assert(locked.ok, locked.ok ? "" : locked.error);
    await locked.value();
  });
});

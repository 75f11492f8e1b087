import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupLimit } from "../../../agent/kernel-limit/cgroup.ts";
import { kernelLimitBytes } from "../../../agent/kernel-limit/kernel-limit.ts";
import { openKernelLimit } from "../../../agent/kernel-limit/open.ts";
import { tryLimit } from "../../../agent/kernel-limit/trial.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const MIB = 2 ** 20;

describe("the kernel's limit behind the watchdog", function () {
  this.timeout(60_000);

  it("is a little above the budget", () => {
    assert.equal(kernelLimitBytes(512 * MIB), 544 * MIB);
    assert.equal(kernelLimitBytes(100 * 2 ** 30), 102 * 2 ** 30);
  });

  it("is enforced by the kernel of this machine, which kills a process in the self-test", async function () {
    const { limit, text } = await openKernelLimit(await temporaryDirectory());
    if (limit === undefined) {
      console.log(`      skipped: ${text}`);
      return this.skip();
    }
    assert.equal(await tryLimit(limit), "enforced");
    limit.close();
  });

  it("is rejected if the system accepts but does not enforce it", async () => {
    const ignored = {
      kind: "ignored",
      enclose() {},
      move: () => true,
      breached: () => false,
      release() {},
      close() {},
    };
    assert.equal(await tryLimit({ ...ignored, wrap: (command) => command }), "ignored");
    for (const file of ["/no/such/program", "/bin/false"]) {
      assert.equal(await tryLimit({ ...ignored, wrap: () => ({ file, args: [] }) }), "no-answer", file);
    }
  });

  /** Plain files in place of a cgroup tree: a stand-in for the cgroup version that the kernel of this machine does not have. */
  describe("in a stand-in tree of cgroup files", () => {
    const groups = async (...paths: readonly string[]) => {
      const mount = await temporaryDirectory();
      for (const path of paths) {
        mkdirSync(join(mount, path), { recursive: true });
        writeFileSync(join(mount, path, "cgroup.procs"), "");
      }
      return mount;
    };

    it("v2: lies beside the agent's own group, which cannot have children with a limit", async () => {
      const mount = await groups("", "user.slice", "user.slice/agent.scope");
      const limit = cgroupLimit("/state", mount, "0::/user.slice/agent.scope\n");
      assert.equal(limit?.kind, "cgroup v2");
      limit.enclose("default_chat", 42, 512 * MIB);
      const [parent = ""] = namesIn(join(mount, "user.slice"));
      const group = join(mount, "user.slice", parent, "default_chat");
      assert.equal(readFileSync(join(mount, "user.slice", parent, "cgroup.subtree_control"), "utf8"), "+memory");
      assert.equal(readFileSync(join(group, "memory.max"), "utf8"), String(512 * MIB));
      assert.equal(readFileSync(join(group, "cgroup.procs"), "utf8"), "42");
      assert.equal(limit.move("default_chat", 700 * MIB), true);
      assert.equal(readFileSync(join(group, "memory.max"), "utf8"), String(700 * MIB));
      assert.equal(limit.breached("default_chat"), false);
      writeFileSync(join(group, "memory.events"), "low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n");
      assert.equal(limit.breached("default_chat"), true);
    });

    it("v1: lies below the agent's own group; in a container, below the mount", async () => {
      for (const [paths, expected] of [
        [["memory", "memory/own"], "memory/own"],
        [["memory"], "memory"],
      ] as const) {
        const mount = await groups(...paths);
        assert.equal(cgroupLimit("/state", mount, "4:memory:/own\n0::/\n")?.kind, "cgroup v1");
        assert.equal(namesIn(join(mount, expected)).length, 1);
      }
    });

    it("is undefined if the kernel counts no memory in groups, or no group may be created", async () => {
      assert.equal(cgroupLimit("/state", join(await temporaryDirectory(), "none"), "0::/\n"), undefined);
      const mount = await groups("");
      writeFileSync(join(mount, "memory"), "");
      assert.equal(cgroupLimit("/state", mount, "4:memory:/\n"), undefined);
      assert.ok(!existsSync(join(mount, "memory", "cgroup.procs")));
    });
  });
});

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith("pulumi-llmkube-"));
}

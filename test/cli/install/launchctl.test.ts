import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { outputOf } from "../../../agent/host/command.ts";
import { plistPath, standing } from "../../../cli/install/launchctl.ts";
import { carryOut, type Means, takeAway } from "../../../cli/install/run.ts";
import { parseJob } from "../../../cli/launchd.ts";
import { daemonPlist, logOf } from "../../../cluster/launchd.ts";
import { launchdScene, planIn } from "./launchd-scene.ts";

const LOADED = { loadedAt: 1 };
const never = new AbortController().signal;

describe("installing with a stand-in for launchctl", function () {
  this.timeout(60_000);
  const begin = async (state: Parameters<typeof launchdScene>[0] = {}) => {
    const scene = await launchdScene(state);
    const plan = planIn(join(scene.folder, "home"));
    const run: Means["run"] = async ([file = "", ...args]) => outputOf(file, args);
    const means: Means = { site: scene.site, mac: { tmutil: scene.tmutil }, run };
    const text = daemonPlist(plan.daemon);
    return { ...scene, plan, means, text, path: plistPath(scene.site) };
  };

  it("writes the file for all to read, loads it, leaves the models out of Time Machine, and sees it run", async () => {
    const { plan, means, path, text, verbs, folder } = await begin();
    const done = await carryOut(plan, means, never);
    assert.ok(done.ok, done.ok ? "" : done.error);
    assert.match(
      done.value.said,
      /^installed .*; the agent runs \(pid 4321\)\nlook at it with .*tail -f ".*agent\.log"\n/,
    );
    assert.equal(done.value.exitCode, 0);
    assert.equal(readFileSync(path, "utf8"), text);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.deepEqual(verbs(), ["enable", "bootstrap"]);
    assert.equal(readFileSync(join(folder, "tmutil"), "utf8"), `addexclusion -p ${plan.models}\n`);
    assert.ok(existsSync(plan.models) && existsSync(dirname(logOf(plan.daemon.home))));
  });

  it("works over an agent that drains: it waits until that one is gone", async () => {
    const { plan, means, verbs } = await begin({ ...LOADED, drainMs: 1500 });
    const began = Date.now();
    const done = await carryOut(plan, means, never);
    assert.ok(done.ok && done.value.exitCode === 0);
    assert.ok(Date.now() - began >= 1500);
    assert.deepEqual(verbs(), ["bootout", "enable", "bootstrap"]);
  });

  it("works with a label that was disabled", async () => {
    const { plan, means } = await begin({ disabled: true });
    const done = await carryOut(plan, means, never);
    assert.ok(done.ok && done.value.exitCode === 0);
  });

  it("tries again while launchd answers 5, and shows launchctl's own words in the end", async () => {
    const { plan, means, verbs } = await begin({ refuses: { code: 5, times: 2 } });
    assert.ok((await carryOut(plan, means, never)).ok);
    assert.deepEqual(verbs(), ["enable", "bootstrap", "bootstrap", "bootstrap"]);
    const other = await begin({ refuses: { code: 122, times: 9 } });
    const failed = await carryOut(other.plan, other.means, never);
    assert.ok(!failed.ok);
    assert.match(
      failed.error,
      /bootstrap system .* failed \(122\): "Bootstrap failed: 122: Some reason.*Try again\."; .* is written and not loaded: run this command again$/,
    );
    assert.deepEqual(other.verbs(), ["enable", "bootstrap"]);
  });

  for (const [program, says] of [
    ["exits-with-2", /does not stay running \(last exit: 2\); its log .* ends:\n {2}the folder is missing\n/],
    ["restarts", /does not stay running; its log/],
  ] as const) {
    it(`says that an agent which ${program} was installed and does not run, with the end of its log`, async () => {
      const { plan, means } = await begin({ program });
      await mkdir(dirname(logOf(plan.daemon.home)), { recursive: true });
      await writeFile(logOf(plan.daemon.home), "the folder is missing\n");
      const done = await carryOut(plan, means, never);
      assert.ok(done.ok);
      assert.equal(done.value.exitCode, 1);
      assert.match(done.value.said, says);
    });
  }

  it("touches nothing where the file cannot be written or a folder cannot be made", async () => {
    const { plan, means, site } = await begin(LOADED);
    const nowhere = { ...site, folder: join(site.folder, "none") };
    const failed = await carryOut(plan, { ...means, site: nowhere }, never);
    assert.ok(!failed.ok);
    assert.match(failed.error, /cannot be written \(ENOENT\), and nothing was changed$/);
    await writeFile(join(site.folder, "file"), "");
    const unmade = await carryOut({ ...plan, models: join(site.folder, "file/models") }, means, never);
    assert.ok(!unmade.ok);
    assert.match(unmade.error, /cannot be made, and nothing was changed/);
    assert.ok(!existsSync(plistPath(site)) && !existsSync(join(site.folder, "launchd.json.calls")));
  });

  it("says that Time Machine copies the models where tmutil refuses", async () => {
    const { plan, means } = await begin();
    const done = await carryOut(plan, { ...means, mac: { tmutil: "/no/tmutil" } }, never);
    assert.ok(done.ok && done.value.exitCode === 0);
    assert.match(done.value.said, /Time Machine will copy .*: \/no\/tmutil was not found/);
  });

  it("gives up on an agent that does not end, and says what to do", async () => {
    const { plan, means, site, path } = await begin({ ...LOADED, drainMs: 60_000 });
    const short = { ...site, goneMs: 200 };
    const failed = await carryOut(plan, { ...means, site: short }, never);
    assert.ok(!failed.ok);
    assert.match(
      failed.error,
      /^the agent has not ended within 0\.2 s; .* is written and not loaded: run this command again$/,
    );
    const kept = await takeAway(short, never);
    assert.ok(!kept.ok && existsSync(path));
    assert.match(kept.error, /was not removed: run it again$/);
  });

  it("is interrupted without half a file, says how things stand, and is finished by the same command", async () => {
    const { plan, means, site, path, text, change } = await begin({ ...LOADED, drainMs: 60_000 });
    await writeFile(path, "the earlier one");
    const stop = new AbortController();
    const installing = carryOut(plan, means, stop.signal);
    await sleep(700);
    stop.abort();
    const interrupted = await installing;
    assert.ok(!interrupted.ok && interrupted.kind === "interrupted");
    assert.equal(readFileSync(path, "utf8"), text);
    assert.deepEqual(readdirSync(site.folder).filter((name) => /plist/.test(name)).length, 1);
    assert.match(await standing(site, text), /plist is the new one; the agent runs \(pid 4321\)$/);
    await change({ goneAt: 1 });
    assert.match(await standing(site, ""), /plist is the earlier one; launchd has no such job$/);
    const done = await carryOut(plan, means, never);
    assert.ok(done.ok && done.value.exitCode === 0);
  });

  it("is uninstalled once the servers have drained, and a second time says that there is nothing", async () => {
    const { plan, means, site, path, verbs } = await begin({ drainMs: 1000 });
    assert.ok((await carryOut(plan, means, never)).ok);
    const began = Date.now();
    const done = await takeAway(site, never);
    assert.ok(done.ok && Date.now() - began >= 1000);
    assert.match(done.value.said, /^removed .*; the agent has ended, and its servers with it\n/);
    assert.ok(!existsSync(path));
    assert.deepEqual(await takeAway(site, never), { ok: true, value: { said: "nothing is installed", exitCode: 0 } });
    assert.deepEqual(verbs(), ["enable", "bootstrap", "bootout"]);
  });

  it("uninstalls a job whose file was removed by hand, and a file without a job", async () => {
    const loaded = await begin(LOADED);
    const one = await takeAway(loaded.site, never);
    assert.ok(one.ok && /the agent has ended/.test(one.value.said));
    const filed = await begin();
    await writeFile(filed.path, "");
    const other = await takeAway(filed.site, never);
    assert.ok(other.ok && /no agent was running/.test(other.value.said) && !existsSync(filed.path));
  });
});

describe("what launchctl prints of a job", () => {
  const cases: readonly (readonly [printed: string, job: ReturnType<typeof parseJob>])[] = [
    ["x = {\n\tstate = running\n\tpid = 77\n\tlast exit code = (never exited)\n}", { state: "running", pid: 77 }],
    [
      "x = {\n\tstate = not running\n\tlast exit code = 2\n\tc = {\n\t\tstate = running\n\t\tpid = 1\n\t}\n}",
      { state: "idle", lastExit: "2" },
    ],
    [
      "x = {\n\tstate = spawn scheduled\n\tlast exit code = 78: EX_CONFIG\n}",
      { state: "idle", lastExit: "78: EX_CONFIG" },
    ],
    ["x = {\n\tstate = waiting\n\tlast terminating signal = Killed: 9\n}", { state: "idle", lastExit: "Killed: 9" }],
    ["", { state: "idle", lastExit: undefined }],
  ];
  for (const [printed, job] of cases) {
    it(JSON.stringify(job), () => assert.deepEqual(parseJob(printed), job));
  }
});

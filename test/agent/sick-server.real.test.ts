import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { watchdogPath } from "../../agent/state/layout.ts";
import { isRunning } from "../../agent/state/living.ts";
import type { WatchdogFile } from "../../agent/status/watchdog-file.ts";
import { type AgentProcess, newSite, type Site, startAgent, stopped, workloadOnce, writeManifests } from "./harness.ts";
import { standIn } from "./stand-in.ts";

/** Real agents and stand-ins for llama-server. */
describe("an agent whose llama-server has become sick since another agent left its servers", function () {
  this.timeout(120_000);
  let agent: AgentProcess | undefined;
  const leftovers: number[] = [];
  afterEach(async () => {
    if (agent !== undefined) await stopped(agent, "SIGKILL");
    for (const pid of leftovers.splice(0)) if (await isRunning(pid)) process.kill(pid, "SIGKILL");
  });

  const watchdogOf = async (site: Site): Promise<Partial<WatchdogFile>> => {
    const text = await readFile(watchdogPath(site.state), "utf8").catch(() => "{}");
    return JSON.parse(text);
  };
  /** Waits for a watchdog other than `former` that holds the server: the lock of a killed agent lasts for 5 s. */
  const watched = async (site: Site, pid: number, former?: number) => {
    for (let tries = 0; tries < 300; tries += 1) {
      const { pid: watchdog, servers = [] } = await watchdogOf(site);
      if (watchdog !== undefined && watchdog !== former && servers.some((server) => server.pid === pid)) {
        leftovers.push(watchdog);
        return watchdog;
      }
      await sleep(50);
    }
    return assert.fail("nobody watches it");
  };
  /** A server of which the agent, and the watchdog with it, were killed. */
  const left = async () => {
    const site = { ...(await newSite()), llamaServer: await standIn("well") };
    await writeManifests(site, "a", { port: await getPort() });
    const first = startAgent(site);
    agent = first;
    const { pid } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    assert(pid);
    leftovers.push(pid);
    const watchdog = await watched(site, pid);
    await stopped(first, "SIGKILL");
    process.kill(watchdog, "SIGKILL");
    return { site, pid, former: watchdog };
  };
  const sick = async (site: Site, script: string) => {
    const llamaServer = join(site.state, "..", "sick-llama-server");
    await writeFile(llamaServer, `#!/bin/sh\n${script}\n`);
    await chmod(llamaServer, 0o755);
    return { ...site, llamaServer };
  };
  it("has them watched while it waits for llama-server's answer", async () => {
    const { site, pid, former } = await left();
    agent = startAgent(await sick(site, "exec sleep 60"));
    await watched(site, pid, former);
    assert.equal(agent.child.exitCode, null);
    await stopped(agent);
    assert.ok(await isRunning(pid), "it was told to end before it was up: that ends no server");
  });

  it("ends with one sentence, and leaves them watched for the next agent, which adopts them", async () => {
    const { site, pid, former } = await left();
    const failing = startAgent(await sick(site, "sleep 1; echo no >&2; exit 9"));
    agent = failing;
    const watchdog = await watched(site, pid, former);
    while (failing.child.exitCode === null) await sleep(50);
    assert.equal(failing.child.exitCode, 2);
    assert.match(
      failing.output(),
      /sick-llama-server --help failed \(9\): "no": install llama\.cpp .*--llama-server$/m,
    );
    assert.match(failing.output(), /left 1 server \(default\/a\) running: the watchdog goes on enforcing budgets/);
    await sleep(1000);
    assert.deepEqual([await isRunning(watchdog), await isRunning(pid)], [true, true]);
    agent = startAgent(site);
    while (!agent.output().includes(`(pid ${pid})`)) await sleep(50);
    assert.match(agent.output(), /default\/a: adopted the running llama-server of an earlier agent/);
    assert.equal(await stopped(agent), 0);
  });
});

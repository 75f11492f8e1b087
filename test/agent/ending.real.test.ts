import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { openLinux } from "../../agent/host/linux/linux.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { blockedPipe, stoppedTerminal } from "./blocked-output.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  startAgent,
  startAgentWith,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { type Behaviour, standIn } from "./stand-in.ts";

/** Real agents and stand-ins for llama-server. */
describe("an agent that is told to end", function () {
  this.timeout(120_000);
  let agent: AgentProcess | undefined;
  afterEach(async () => {
    if (agent !== undefined) await stopped(agent, "SIGKILL");
  });

  const siteWith = async (behaviour: Behaviour): Promise<Site> => ({
    ...(await newSite()),
    llamaServer: await standIn(behaviour),
  });
  const isReady = ({ state }: { state: string }) => state === "Ready";
  const readySite = async (start: (site: Site) => AgentProcess, behaviour: Behaviour = "well") => {
    const site = await siteWith(behaviour);
    await writeManifests(site, "a", { port: await getPort() });
    const started = start(site);
    agent = started;
    const { pid } = await workloadOnce(site, "a", isReady);
    assert(pid);
    return { site, pid, agent: started };
  };
  /** Not by its pid: after its exit it may be left a zombie, when its own agent has ended. */
  const isServed = async (site: Site) => {
    const platform = await openLinux();
    assert(platform.ok);
    return (await platform.value.writersOf(join(site.state, "logs", "default_a.log")))?.length !== 0;
  };
  /** Runs `start` with a module that a test puts into the agent's process. */
  const withModule = async <T>(module: string, start: () => Promise<T>): Promise<T> => {
    process.env["NODE_OPTIONS"] =
      `--import=data:text/javascript,${encodeURIComponent(`if (process.argv.includes("agent")) { ${module} }`)}`;
    try {
      return await start();
    } finally {
      delete process.env["NODE_OPTIONS"];
    }
  };

  for (const signal of ["SIGQUIT", "SIGUSR2"] as const) {
    it(`${signal}: ends alone, says what it leaves, and the next one adopts it`, async () => {
      const { site, pid, agent: first } = await readySite(startAgent);
      assert.equal(await stopped(first, signal), 0);
      const [last] = first.output().trimEnd().split("\n").slice(-1);
      assert.match(
        last ?? "",
        /ended, and left 1 server \(default\/a\) running: the watchdog goes on enforcing budgets/,
      );
      const next = startAgent(site);
      agent = next;
      const by = next.child.pid;
      await statusOnce(site, (status) => status.agent.pid === by);
      const adopted = await workloadOnce(site, "a", isReady);
      assert.deepEqual([adopted.pid, adopted.restarts], [pid, 0]);
      assert.equal(await stopped(next), 0);
      assert.ok(!(await isServed(site)));
    });
  }

  it("says at once what it stops, how long that takes at most, and what a second Ctrl-C does", async () => {
    const { site, agent: only } = await readySite(startAgent);
    assert.equal(await stopped(only), 0);
    const sentence = "stopping 1 server (default/a), which takes 10 s at most; a second Ctrl-C kills at once";
    assert.equal(only.output().split(sentence).length, 2, only.output());
    assert.ok(!(await isServed(site)));
  });

  it("takes a Ctrl-C that npx passes on a second time for one: nothing is killed", async () => {
    const { site, agent: only } = await readySite(startAgent, "ignores-sigterm");
    only.child.kill("SIGINT");
    await sleep(20);
    only.child.kill("SIGINT");
    await workloadOnce(site, "a", ({ state }) => state === "Draining");
    await sleep(400);
    assert.ok(await isServed(site));
    assert.equal(await stopped(only), 130);
  });

  it("SIGUSR1: opens no debugger, and goes on", async () => {
    const { site, agent: only } = await readySite(startAgent);
    only.child.kill("SIGUSR1");
    while (!only.output().includes("SIGUSR1 does nothing here")) await sleep(50);
    assert.ok(await isServed(site));
    assert.equal(await stopped(only), 0);
    assert.doesNotMatch(only.output(), /[Dd]ebugger/);
  });

  it("ends before it is up, while llama-server is still asked what it is", async () => {
    const site = await siteWith("well");
    const slow = join(site.state, "..", "slow-llama-server");
    await writeFile(slow, "#!/bin/sh\nexec sleep 15\n");
    await chmod(slow, 0o755);
    agent = startAgent({ ...site, llamaServer: slow });
    await sleep(1500);
    const began = performance.now();
    assert.equal(await stopped(agent), 0);
    assert.ok(performance.now() - began < 5000);
    assert.match(agent.output(), /ended before it was up/);
  });

  const outputs = [
    ["a pipe that nobody reads", blockedPipe],
    ["a terminal after Ctrl-S", stoppedTerminal],
  ] as const;
  for (const [what, open] of outputs) {
    it(`does so in its usual time on ${what}, where its watchdog goes on until then`, async function () {
      const output = await open();
      if (output === undefined) return this.skip();
      try {
        const { site, agent: only } = await readySite((one) => startAgentWith(one, { output: output.fd }), "grows-100");
        await workloadOnce(site, "a", ({ reason }) => reason === "BudgetExceeded");
        const began = performance.now();
        assert.equal(await stopped(only), 0);
        assert.ok(performance.now() - began < 5000);
        assert.ok(!(await isServed(site)));
        // The lines wait for their reader, also when the agent has ended.
        let seen = "";
        for (let tries = 0; tries < 100 && !seen.includes("default/a: gone"); tries += 1) {
          seen += output.read();
          await sleep(50);
        }
        assert.match(seen, /watching .*default\/a: Starting.*default\/a: BackOff, BudgetExceeded.*default\/a: gone/s);
      } finally {
        output.close();
      }
    });

    it(`has exit code 70 after a fault of its own on ${what}`, async function () {
      const output = await open();
      if (output === undefined) return this.skip();
      const fault = `process.on("SIGWINCH", () => { throw new Error("made up") })`;
      try {
        const { site, agent: only } = await withModule(fault, () =>
          readySite((one) => startAgentWith(one, { output: output.fd })),
        );
        assert.equal(await stopped(only, "SIGWINCH"), 70);
        assert.ok(await isServed(site));
        agent = startAgent(site);
        const by = agent.child.pid;
        await statusOnce(site, (status) => status.agent.pid === by);
        assert.equal(await stopped(agent), 0);
      } finally {
        output.close();
      }
    });
  }

  it("is not held by a file that hangs", async () => {
    const pipe = join(await temporaryDirectory(), "pipe");
    execFileSync("mkfifo", [pipe]);
    const hang = `(await import("node:fs")).open(${JSON.stringify(pipe)}, "r", () => {})`;
    const { site, agent: only } = await withModule(hang, () => readySite(startAgent));
    assert.equal(await stopped(only), 0);
    assert.ok(!(await isServed(site)));
  });
});

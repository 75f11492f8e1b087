import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { MAC } from "../../agent/host/darwin/mac-paths.ts";
import { isRunning } from "../../agent/state/living.ts";
import {
  type AgentProcess,
  killServers,
  newSite,
  type Site,
  startAgentWith,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { withReplaced } from "./replaced-text.ts";
import { standIn } from "./stand-in.ts";

/** On Metal the model needs 631 MiB. */
const BUDGET = "1Gi";

/** A real agent that takes this machine for a Mac, with stand-ins for llama-server and caffeinate. */
describe("an agent with --keep-awake", function () {
  this.timeout(90_000);
  let agent: AgentProcess | undefined;
  let site: Site;
  beforeEach(async () => {
    site = { ...(await newSite()), llamaServer: await standIn("well") };
    await mkdir(site.state);
  });
  afterEach(async () => {
    if (agent !== undefined) await stopped(agent);
    await killServers(site);
  });

  const start = async () => {
    const caffeinate = join(site.state, "stand-in-caffeinate");
    await writeFile(caffeinate, '#!/bin/sh\nwhile kill -0 "$4"; do sleep 0.1; done 2>/dev/null\n');
    await chmod(caffeinate, 0o755);
    const texts = [
      { module: "/host/darwin/mac-paths", from: MAC.caffeinate, to: caffeinate },
      { module: "/host/linux/linux", from: 'backend: "cpu"', to: 'backend: "metal"' },
    ];
    agent = startAgentWith(site, { flags: ["--keep-awake"], env: withReplaced(texts) });
    return agent;
  };
  const awakeBy = async () => {
    const by = agent?.child.pid;
    const status = await statusOnce(
      site,
      (now) => now.agent.pid === by && now.agent.notes.some((note) => SAYS.test(note)),
    );
    const pid = Number(status.agent.notes.flatMap((note) => SAYS.exec(note)?.[1] ?? [])[0]);
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
    assert.deepEqual(command.split("\0").slice(2, -1), ["-i", "-s", "-w", String(by)]);
    return pid;
  };
  const ended = async (pid: number) => {
    for (const deadline = Date.now() + 10_000; await isRunning(pid); await sleep(50)) assert.ok(Date.now() < deadline);
  };

  it("keeps the Mac awake while a model is Ready, and no longer", async () => {
    await writeManifests(site, "a", { port: await getPort(), budget: BUDGET });
    await start();
    const pid = await awakeBy();
    await writeManifests(site, "a", { port: await getPort(), budget: BUDGET, spec: { replicas: 0 } });
    await workloadOnce(site, "a", ({ state }) => state === "Stopped");
    await ended(pid);
    await statusOnce(site, ({ agent: { notes } }) => !notes.some((note) => SAYS.test(note)));
  });

  it("lets it sleep when it was killed, and keeps it awake again for the server that the next one adopts", async () => {
    await writeManifests(site, "a", { port: await getPort(), budget: BUDGET });
    const first = await start();
    const pid = await awakeBy();
    const { pid: server } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    await stopped(first, "SIGKILL");
    await ended(pid);
    await start();
    assert.notEqual(await awakeBy(), pid);
    assert.equal((await workloadOnce(site, "a", ({ state }) => state === "Ready")).pid, server);
  });

  it("does not start where there is no macOS", async () => {
    agent = startAgentWith(site, { flags: ["--keep-awake"] });
    const code = await new Promise((resolve) => agent?.child.once("exit", resolve));
    assert.equal(code, 2);
    assert.match(
      agent.output(),
      /^pulumi-llmkube: --keep-awake needs the caffeinate of macOS, and this is no Mac: leave it out$/m,
    );
  });
});

const SAYS = /^this Mac is kept awake while a model is Ready \(caffeinate, pid (\d+)\)/;

import assert from "node:assert/strict";
import { once } from "node:events";
import { rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import { openLinux } from "../../agent/host/linux/linux.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { type Behaviour, standIn } from "./stand-in.ts";

const MIB = 2 ** 20;

/** Real agents and processes, and stand-ins for llama-server that grow or hang on demand. */
describe("a server whose agent ends", function () {
  this.timeout(120_000);
  let agent: AgentProcess | undefined;
  afterEach(async () => {
    if (agent !== undefined) await stopped(agent);
  });

  const siteWith = async (behaviour: Behaviour): Promise<Site> => ({
    ...(await newSite()),
    llamaServer: await standIn(behaviour),
  });

  it("is held to the budget in force by the next agent, not to the one that it started with, even without manifests", async () => {
    const site = await siteWith("grows-40");
    const port = await getPort();
    await writeManifests(site, "a", { port, budget: "512Mi" });
    agent = startAgent(site);
    const { pid = 0 } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    await writeManifests(site, "a", { port, budget: "1Gi" });
    await workloadOnce(site, "a", ({ measuredBytes = 0 }) => measuredBytes > 600 * MIB);
    await stopped(agent, "SIGKILL");
    await rename(site.manifests, `${site.manifests}.away`);
    agent = startAgent(site);
    const by = agent.child.pid;
    await statusOnce(site, (status) => status.agent.pid === by && status.workloads.length === 1);
    const later = await workloadOnce(site, "a", ({ measuredBytes = 0 }) => measuredBytes > 750 * MIB);
    assert.deepEqual([later.pid, later.budget?.bytes], [pid, 1024 * MIB]);
    const over = await workloadOnce(site, "a", ({ reason }) => reason === "BudgetExceeded");
    assert.match(over.message ?? "", /budget 1\.0 GiB/);
  });

  it("keeps running beside a failure in the background, and so does its agent", async () => {
    const site = await siteWith("hangs-when-asked");
    await writeManifests(site, "a", { port: await getPort() });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    await writeManifests(site, "b", { port: await getPort() });
    await workloadOnce(site, "b", ({ message = "" }) => message.startsWith("asking llama-server"));
    const [asking] = (await writersOf(join(site.state, "logs", "default_b_projection.log"))) ?? [];
    assert(asking !== undefined);
    const records = join(site.state, "servers");
    await rename(records, `${records}.away`);
    await writeFile(records, "");
    process.kill(asking, "SIGKILL");
    const failed = await workloadOnce(site, "b", ({ reason }) => reason === "StartFailed");
    assert.match(failed.message ?? "", /^the state folder .* cannot be written/);
    const still = await workloadOnce(site, "a", () => true);
    assert.deepEqual([still.state, still.pid, agent.child.exitCode], ["Ready", pid, null], agent.output());
    await rm(records);
    await rename(`${records}.away`, records);
  });

  it("ends the question to llama-server at once when the agent is to end", async () => {
    const site = await siteWith("hangs-when-asked");
    await writeManifests(site, "b", { port: await getPort() });
    agent = startAgent(site);
    await workloadOnce(site, "b", ({ message = "" }) => message.startsWith("asking llama-server"));
    const began = performance.now();
    assert.equal(await stopped(agent), 0);
    assert.ok(performance.now() - began < 30_000);
    assert.deepEqual(await writersOf(join(site.state, "logs", "default_b_projection.log")), []);
  });

  it("keeps running when another agent has taken the state folder over, and the agent ends", async () => {
    const site = await siteWith("well");
    await writeManifests(site, "a", { port: await getPort() });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    const taken = new Date(Date.now() + 3_600_000);
    await utimes(`${site.state}.lock`, taken, taken);
    await once(agent.child, "exit");
    assert.match(agent.output(), /left the servers running/);
    assert.deepEqual(await writersOf(join(site.state, "logs", "default_a.log")), [pid]);
    await rm(`${site.state}.lock`, { recursive: true });
    agent = startAgent(site);
    const by = agent.child.pid;
    await statusOnce(site, (status) => status.agent.pid === by);
    const adopted = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    assert.equal(adopted.pid, pid);
  });

  for (const fault of ["throw new Error('made up')", "Promise.reject(new Error('made up'))"]) {
    it(`keeps running when the agent crashes, and is adopted: ${fault}`, async () => {
      const site = await siteWith("well");
      await writeManifests(site, "a", { port: await getPort() });
      const atSignal = `process.on("SIGWINCH", () => setImmediate(() => { ${fault} }))`;
      const module = `if (process.argv.includes("agent")) ${atSignal}`;
      process.env["NODE_OPTIONS"] = `--import=data:text/javascript,${encodeURIComponent(module)}`;
      try {
        agent = startAgent(site);
      } finally {
        delete process.env["NODE_OPTIONS"];
      }
      const { pid } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
      assert.equal(await stopped(agent, "SIGWINCH"), 70);
      assert.match(agent.output(), /the agent failed: made up; its servers run on/);
      agent = startAgent(site);
      const by = agent.child.pid;
      await statusOnce(site, (status) => status.agent.pid === by);
      const adopted = await workloadOnce(site, "a", ({ state }) => state === "Ready");
      assert.deepEqual([adopted.pid, adopted.restarts], [pid, 0]);
    });
  }
});

async function writersOf(path: string): Promise<readonly number[] | undefined> {
  const platform = await openLinux();
  assert(platform.ok);
  return platform.value.writersOf(path);
}

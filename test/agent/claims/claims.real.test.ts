import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { temporaryDirectory } from "../../support/workspace.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";
import { standIn } from "../stand-in.ts";

/** Real agents, each with folders of its own, and stand-ins for llama-server. Of 1 GiB they may use 67 %: one model's estimate fits, two do not. */
describe("two agents on one machine", function () {
  this.timeout(120_000);
  const agents: AgentProcess[] = [];
  let claims = "";
  beforeEach(async () => {
    claims = join(await temporaryDirectory(), "claims");
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => stopped(agent)));
  });

  const siteWith = async (name: string): Promise<Site> => {
    const site = { ...(await newSite()), llamaServer: await standIn("well") };
    await writeManifests(site, name, { port: await getPort(), budget: "600Mi", contextSize: 8192 });
    return site;
  };
  const started = (site: Site, ...flags: readonly string[]) => {
    const agent = startAgent(site, "--host-memory", "1Gi", "--claims", claims, ...flags);
    agents.push(agent);
    return agent;
  };

  it("let the second model wait, name who holds the memory, and start it when the first agent ends", async () => {
    const [one, two] = [await siteWith("a"), await siteWith("b")];
    const first = started(one);
    await workloadOnce(one, "a", ({ state }) => state === "Ready");
    started(two);
    const waiting = await workloadOnce(two, "b", ({ state }) => state === "Waiting");
    assert.equal(waiting.reason, "WaitingForMemory");
    const user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
    const holder = `another agent \\(pid ${first.child.pid}, user ${user}\\)`;
    assert.match(waiting.message ?? "", new RegExp(`^waits for .* of memory: .*; held by ${holder} \\d+`));
    const { agent } = await statusOnce(two, (status) => status.agent.notes.length > 0);
    assert.match(agent.notes.join(), new RegExp(`MiB of this machine's memory are held by ${holder}`));
    assert.deepEqual(agent.problems, []);
    await stopped(first);
    await workloadOnce(two, "b", ({ state }) => state === "Ready");
  });

  it("never run both of two models that are wanted at the same moment", async () => {
    const sites = [await siteWith("a"), await siteWith("b")];
    for (const site of sites) started(site);
    const states = async () =>
      (await Promise.all(sites.map((site) => statusOnce(site, () => true)))).flatMap(({ workloads }) =>
        workloads.map(({ state, pid }) => ({ state, runs: pid !== undefined })),
      );
    await Promise.all(sites.map((site) => statusOnce(site, ({ workloads }) => workloads.length > 0)));
    const deadline = Date.now() + 20_000;
    let settled = false;
    while (!settled && Date.now() < deadline) {
      const now = await states();
      assert.ok(now.filter(({ runs }) => runs).length <= 1, JSON.stringify(now));
      settled = now.some(({ state }) => state === "Ready") && now.some(({ state }) => state === "Waiting");
      await sleep(20);
    }
    assert.ok(settled);
  });

  it("count the server of an agent that was killed, and the next agent of its folder goes on with it", async () => {
    const [one, two] = [await siteWith("a"), await siteWith("b")];
    const first = started(one);
    const { pid } = await workloadOnce(one, "a", ({ state }) => state === "Ready");
    await stopped(first, "SIGKILL");
    const second = started(two);
    const held = new RegExp(`held by servers that outlived their agent \\(pid ${pid}, user `);
    await workloadOnce(two, "b", ({ message = "" }) => held.test(message));
    const third = started(one);
    const adopting = new RegExp(`held by another agent \\(pid ${third.child.pid}, user `);
    await workloadOnce(two, "b", ({ message = "" }) => adopting.test(message));
    const still = await workloadOnce(one, "a", ({ state }) => state === "Ready");
    assert.equal(still.pid, pid);
    await stopped(third, "SIGKILL");
    process.kill(pid ?? 0, "SIGKILL");
    await workloadOnce(two, "b", ({ state }) => state === "Ready");
    assert.equal(second.child.exitCode, null);
  });

  it("leave nothing behind", async () => {
    const site = await siteWith("a");
    const agent = started(site);
    await workloadOnce(site, "a", ({ state }) => state === "Ready");
    assert.equal((await readdir(claims)).length, 1);
    agent.child.kill("SIGINT");
    await once(agent.child, "exit");
    assert.deepEqual(await readdir(claims), []);
  });

  it("do not know of each other where their claims are in two folders", async () => {
    const [one, two] = [await siteWith("a"), await siteWith("b")];
    started(one);
    started(two, "--claims", join(await temporaryDirectory(), "claims"));
    await workloadOnce(one, "a", ({ state }) => state === "Ready");
    await workloadOnce(two, "b", ({ state }) => state === "Ready");
  });
});

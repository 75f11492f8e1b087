import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import {
  type AgentProcess,
  newSite,
  serversLeft,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { type Behaviour, type BehaviourOfOne, standIn } from "./stand-in.ts";

/** From the spawn of one stand-in to its first answer, on average over five, one after another. */
async function secondsAlone(server: string): Promise<number> {
  const began = performance.now();
  for (let times = 0; times < 5; times += 1) {
    const port = await getPort();
    const child = spawn(server, ["--alias", "x", "--model", "x", "--port", String(port)], { stdio: "ignore" });
    while ((await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)) === undefined) await sleep(5);
    child.kill("SIGKILL");
  }
  return (performance.now() - began) / 5000;
}

const isReady = ({ state }: { readonly state: string }) => state === "Ready";

describe("the starts of many models", function () {
  this.timeout(120_000);
  let agent: AgentProcess;
  afterEach(() => stopped(agent));

  const siteWith = async (behaviour: Behaviour | BehaviourOfOne) => ({
    ...(await newSite()),
    llamaServer: await standIn(behaviour),
  });

  it("take less than 15 s for thirty of them, or half again as long as the stand-ins alone", async () => {
    const site = await siteWith("well");
    for (let index = 0; index < 30; index += 1) {
      await writeManifests(site, `chat-${index}`, { port: await getPort(), budget: "400Mi", contextSize: 512 });
    }
    const began = performance.now();
    agent = startAgent(site, "--memory-fraction", "0.9");
    await statusOnce(site, ({ workloads }) => workloads.length === 30 && workloads.every(isReady));
    const seconds = (performance.now() - began) / 1000;
    // On a machine that is busy with other things, a stand-in alone takes longer than a model may here.
    const alone = (await secondsAlone(site.llamaServer)) * 30;
    console.log(`      thirty models: Ready after ${seconds.toFixed(1)} s; the stand-ins alone: ${alone.toFixed(1)} s`);
    assert.ok(seconds < Math.max(15, alone * 1.5), `${seconds} s`);
    await stopped(agent);
    assert.deepEqual(await serversLeft(site), []);
  });

  it("go on beside a projection that hangs", async () => {
    const site = await siteWith("hangs-when-asked");
    for (const name of ["a", "b", "c"]) await writeManifests(site, name, { port: await getPort() });
    agent = startAgent(site);
    const both = await statusOnce(
      site,
      ({ workloads }) =>
        workloads
          .filter(isReady)
          .map(({ name }) => name)
          .join() === "default/a,default/c",
      20_000,
    );
    assert.match(both.workloads[1]?.message ?? "", /^asking llama-server/);
  });

  it("go on beside a server whose completions fail, and it gets its reason within 30 s", async () => {
    const site = await siteWith("fails-completions@default/a");
    for (const name of ["a", "b"]) await writeManifests(site, name, { port: await getPort() });
    const began = performance.now();
    agent = startAgent(site);
    await workloadOnce(site, "a", ({ reason }) => reason === "TestRequestFailed");
    await workloadOnce(site, "b", isReady);
    assert.ok(performance.now() - began < 30_000);
  });

  it("end no server whose port another manifest asks for, nor the one that asks", async () => {
    const site = await siteWith("well");
    const [portOfA, portOfB] = [await getPort(), await getPort()];
    await writeManifests(site, "a", { port: portOfA });
    await writeManifests(site, "b", { port: portOfB });
    agent = startAgent(site);
    const before = [(await workloadOnce(site, "a", isReady)).pid, (await workloadOnce(site, "b", isReady)).pid];
    await writeManifests(site, "a", { port: portOfB });
    const moved = await workloadOnce(site, "a", ({ notes }) =>
      notes.some((note) => note.includes("belongs to default/b")),
    );
    assert.equal(moved.endpoint, `http://127.0.0.1:${portOfA}/v1`);
    const { workloads } = await statusOnce(site, () => true);
    assert.deepEqual([workloads.map(({ pid }) => pid), workloads.every(isReady)], [before, true]);
  });
});

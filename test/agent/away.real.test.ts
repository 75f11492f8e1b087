import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream, statSync } from "node:fs";
import { copyFile, mkdir, rename } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import {
  type AgentProcess,
  killServers,
  newSite,
  type Site,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";

const isReady = ({ state }: { readonly state: string }) => state === "Ready";

describe("a disk with a model that goes away while the model is served, and comes back", function () {
  this.timeout(180_000);
  let agent: AgentProcess | undefined;
  afterEach(async () => agent && stopped(agent));

  /** A real server whose weights are on a disk of their own. */
  const begin = async (prepare: (disk: string) => Promise<void>) => {
    const plain = await newSite();
    const disk = join(dirname(plain.manifests), "disk");
    await mkdir(disk);
    await prepare(disk);
    const site: Site = { ...plain, weights: join(disk, "model.gguf") };
    await copyFile(plain.weights, site.weights);
    const port = await getPort();
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    return { site, disk, port, pid };
  };

  const servesAndWaits = async (
    { site, disk, port, pid }: Awaited<ReturnType<typeof begin>>,
    comeBack: () => unknown,
  ) => {
    const away = await workloadOnce(site, "chat", ({ notes }) =>
      notes.some((note) => note.startsWith(`${disk}/model.gguf: there is no such file`)),
    );
    assert.match(away.notes.join(), /its disk may be away.*; the server has its weights in memory and keeps running/);
    // Longer than a look at what a Ready server would start with lasts.
    await sleep(7000);
    const still = await workloadOnce(site, "chat", () => true);
    assert.deepEqual([still.state, still.pid], ["Ready", pid]);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "Once", max_tokens: 4 }),
    });
    assert.equal(answer.status, 200);
    await killServers(site);
    const waits = await workloadOnce(site, "chat", ({ state }) => state === "Failed");
    assert.match(
      waits.message ?? "",
      /there is no such file \(its disk may be away\); a start waits until it is there/,
    );
    assert.equal(waits.lastExit?.reason, "Killed");
    await sleep(5000);
    assert.equal((await workloadOnce(site, "chat", () => true)).restarts, 0);
    await comeBack();
    const back = await workloadOnce(site, "chat", isReady);
    assert.notEqual(back.pid, pid);
    assert.doesNotMatch(back.notes.join(), /its disk may be away/);
  };

  it("costs no server; the status says it, a restart waits for it, and starts by itself", async () => {
    const scene = await begin(async () => {});
    await rename(scene.disk, `${scene.disk}.away`);
    await servesAndWaits(scene, () => rename(`${scene.disk}.away`, scene.disk));
  });

  it("so does one that is unmounted and mounted again", async function () {
    if (process.getuid?.() !== 0) this.skip();
    let device = "";
    const mount = (disk: string) => execFileSync("mount", ["--bind", device, disk]);
    const scene = await begin(async (disk) => {
      device = `${disk}.device`;
      await mkdir(device);
      mount(disk);
    });
    const unmount = () => execFileSync("umount", ["--lazy", scene.disk]);
    try {
      unmount();
      await servesAndWaits(scene, () => mount(scene.disk));
    } finally {
      await stopped(agent as AgentProcess);
      unmount();
    }
  });

  it("costs no server where it held the models folder, and nothing is made in its place", async () => {
    const plain = await newSite();
    const disk = join(dirname(plain.manifests), "disk");
    await mkdir(disk);
    let requests = 0;
    const hub = createServer((_, response) => {
      requests += 1;
      response.setHeader("content-length", statSync(plain.weights).size);
      createReadStream(plain.weights).pipe(response);
    });
    const hubPort = await getPort();
    hub.listen(hubPort, "127.0.0.1");
    try {
      const site: Site = { ...plain, models: join(disk, "models"), weights: `http://127.0.0.1:${hubPort}/model.gguf` };
      await writeManifests(site, "chat", { port: await getPort() });
      agent = startAgent(site);
      const { pid } = await workloadOnce(site, "chat", isReady);
      const before = requests;
      await rename(disk, `${disk}.away`);
      const away = await workloadOnce(site, "chat", ({ notes }) => notes.some((note) => note.includes(site.models)));
      assert.match(
        away.notes.join(),
        /is not there any more: connect its disk, or make the folder again; the server has/,
      );
      await sleep(7000);
      assert.deepEqual([away.state, away.pid, requests], ["Ready", pid, before]);
      // It could not be put back where somebody had made another one.
      await rename(`${disk}.away`, disk);
      await statusOnce(site, ({ workloads }) =>
        workloads.every(({ notes }) => !notes.join().includes("not there any more")),
      );
      assert.deepEqual((await workloadOnce(site, "chat", isReady)).pid, pid);
    } finally {
      hub.closeAllConnections();
      hub.close();
    }
  });
});

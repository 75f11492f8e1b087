import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { newSite, startAgentWith, stopped, workloadOnce, writeManifests } from "../agent/harness.ts";
import { type Ends, undone } from "../agent/side-by-side.ts";
import { type Mac, macWith } from "./mac.ts";
import { playMac } from "./stand-ins.ts";
import { calledByBareName, startedOn } from "./started.ts";

const IDLE_MS = 10_000;
/** After Ready: the first looks at what has just started. */
const SETTLES_MS = 3000;

/** An agent whose model is Ready and has been measured. */
async function serving(mac: Mac, ends: Ends) {
  const { folder, llamaServer, env } = await playMac(mac);
  const site = { ...(await newSite()), llamaServer };
  await writeManifests(site, "chat", { port: await getPort(), budget: "1Gi" });
  const agent = startAgentWith(site, { env });
  ends.push(() => stopped(agent));
  await workloadOnce(site, "chat", ({ state, measuredBytes }) => state === "Ready" && measuredBytes !== undefined);
  return { folder };
}

/** A real agent; everything of a Mac is a stand-in. */
describe("commands that an agent starts on a Mac that is played", function () {
  this.timeout(200_000);
  before(function () {
    if (process.platform === "darwin") this.skip();
  });

  it("are none while it only watches, with koffi", async () => {
    await undone(async (ends) => {
      const { folder } = await serving(macWith({}), ends);
      await sleep(SETTLES_MS);
      const before = await startedOn(folder);
      await sleep(IDLE_MS);
      const since = (await startedOn(folder)).slice(before.length);
      assert.deepEqual(since, []);
    });
  });

  it("are seen where they are needed: without koffi each look starts some", async () => {
    await undone(async (ends) => {
      const { folder } = await serving(macWith({ koffi: false }), ends);
      await sleep(SETTLES_MS);
      const files = (await startedOn(folder)).map(({ file }) => file.split("/").at(-1));
      assert.ok(files.filter((file) => file === "footprint").length > 1, files.join(" "));
    });
  });

  for (const koffi of [true, false]) {
    it(`are named with their folder, ${koffi ? "with" : "without"} koffi`, async () => {
      await undone(async (ends) => {
        const { folder } = await serving(macWith({ koffi, taskpolicy: "enforced" }), ends);
        assert.deepEqual(await calledByBareName(folder), []);
      });
    });
  }
});

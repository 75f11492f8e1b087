import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { BUILD_TIMEOUT_MS } from "../../support/pulumi.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  serversLeft,
  serversOf,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

const NAMES = ["a", "b", "c"] as const;
/** Each is estimated at some 340 MiB: two fit. */
const ROOM = ["--host-memory", "900Mi", "--memory-fraction", "1"];

describe("three models of which two fit, behind one port", function () {
  this.timeout(240_000);
  let site: Site;
  let agent: AgentProcess;
  let url: string;
  const ports = new Map<string, number>();

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    site = await newSite();
    for (const name of NAMES) {
      const port = await getPort();
      ports.set(name, port);
      await writeManifests(site, name, { port });
    }
    agent = startAgent(site, ...ROOM, "--gateway", "127.0.0.1:0", "--idle-unload", "60s");
    const status = await statusOnce(site, ({ agent: { gatewayUrl }, workloads }) => {
      return gatewayUrl !== undefined && workloads.length === 3 && workloads.every(({ state }) => state === "Sleeping");
    });
    url = status.agent.gatewayUrl ?? assert.fail();
  });
  after(async () => {
    if (agent === undefined) return;
    assert.equal(await stopped(agent), 0, agent.output());
    assert.deepEqual(await serversLeft(site), []);
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(agent?.output());
  });

  const ask = async (model: string) => {
    const body = JSON.stringify({ model, prompt: "Hello", max_tokens: 4, temperature: 0 });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/completions`, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text() };
  };

  it("answer every one of eighteen requests, and are never in memory all at once", async () => {
    let most = 0;
    const over = new AbortController();
    const watching = (async () => {
      while (!over.signal.aborted) {
        most = Math.max(most, (await serversOf(site)).length);
        await sleep(100);
      }
    })();
    const answers = await Promise.all(Array.from({ length: 18 }, (_, index) => ask(NAMES[index % 3] ?? "a")));
    over.abort();
    await watching;
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
    assert.equal(most, 2);
    const status = await statusOnce(site, ({ agent: { unloads = [] } }) => unloads.length > 0);
    assert.match(status.agent.unloads?.[0]?.message ?? "", /^unloaded to make room for default\/[abc]$/);
  });

  it("answer nobody who goes round the gateway", async () => {
    assert.equal((await ask("a")).status, 200);
    const { pid } = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    assert.ok(pid);
    const answer = await fetch(`http://127.0.0.1:${ports.get("a")}/v1/completions`, {
      method: "POST",
      body: JSON.stringify({ prompt: "Hello", max_tokens: 1 }),
    });
    assert.equal(answer.status, 401);
  });
});

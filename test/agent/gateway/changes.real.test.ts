import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import { BUILD_TIMEOUT_MS } from "../../support/pulumi.ts";
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

const KEY = "sk-editor-0123456789abcdef";
/** More than any machine writes before it sees a changed file. */
const MANY_TOKENS = 3500;

/** A real agent, its gateway, and a real llama-server that is in the middle of an answer. */
describe("what changes while a real server answers", function () {
  this.timeout(240_000);
  let site: Site;
  let agent: AgentProcess;
  let url: string;
  let keys: string;
  let port: number;
  const writeKeys = (...names: readonly string[]) =>
    writeFile(keys, JSON.stringify(names.map((name) => ({ name, key: `${KEY}-${name}` }))), { mode: 0o600 });

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    site = await newSite();
    port = await getPort();
    await writeManifests(site, "gemma", { port });
    keys = join(site.manifests, "..", "keys.yaml");
    await writeKeys("one", "other");
    agent = startAgent(site, "--gateway", "127.0.0.1:0", "--gateway-keys", keys, "--idle-unload", "10m");
    const status = await statusOnce(site, ({ agent: { gatewayUrl }, workloads }) => {
      return gatewayUrl !== undefined && workloads.length === 1;
    });
    url = status.agent.gatewayUrl ?? assert.fail();
  });
  after(async () => {
    if (agent !== undefined) assert.equal(await stopped(agent), 0, agent.output());
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(agent?.output());
  });

  const ask = (maxTokens: number, { stream = false, name = "one", signal = AbortSignal.timeout(200_000) } = {}) =>
    fetch(`${url}/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${KEY}-${name}` },
      body: JSON.stringify({ model: "gemma", prompt: "Hello", max_tokens: maxTokens, ignore_eos: true, stream }),
      signal,
    });
  /** A long stream, of which one piece has come. */
  const streaming = async (name: string) => {
    const leaving = new AbortController();
    const answer = await ask(MANY_TOKENS, { stream: true, name, signal: leaving.signal });
    const reader = answer.body?.getReader() ?? assert.fail();
    const piece = async () => Buffer.from((await reader.read()).value ?? []).toString();
    assert.match(await piece(), /^data: /);
    return { piece, leave: () => leaving.abort() };
  };
  const draining = () =>
    workloadOnce(site, "gemma", ({ state, reason }) => `${state} ${reason}` === "Draining SpecChanged");

  it("ends no answer: other settings wait for it, and who asks meanwhile is answered by the server with these", async () => {
    assert.equal((await ask(1)).status, 200);
    const before = await workloadOnce(site, "gemma", ({ state }) => state === "Ready");
    const { piece, leave } = await streaming("one");
    await writeManifests(site, "gemma", { port, contextSize: 2048 });
    const drains = await draining();
    assert.equal(drains.pid, before.pid);
    assert.match(drains.message ?? "", /it waits for one request in flight/);
    const waits = ask(2);
    await workloadOnce(site, "gemma", ({ demand }) => demand?.waiting === 1);
    for (let pieces = 0; pieces < 5; pieces += 1) assert.match(await piece(), /"text"/);
    leave();
    assert.equal((await waits).status, 200);
    const after = await workloadOnce(site, "gemma", ({ state }) => state === "Ready");
    assert.notEqual(after.pid, before.pid);
    assert.deepEqual([after.restarts, after.lastExit?.reason], [1, "SpecChanged"]);
  });

  it("refuses a request that waits once its key is taken out, and lets others wait on", async () => {
    await workloadOnce(site, "gemma", ({ state }) => state === "Ready");
    const { piece, leave } = await streaming("other");
    await writeManifests(site, "gemma", { port });
    await draining();
    const [taken, kept] = [ask(1), ask(1, { name: "other" })];
    await workloadOnce(site, "gemma", ({ demand }) => demand?.waiting === 2);
    await writeKeys("other");
    const refused = await taken;
    assert.equal(refused.status, 401);
    assert.match(await refused.text(), /the key \\"one\\" was taken out of the gateway's keys file/);
    assert.match(await piece(), /"text"/);
    leave();
    assert.equal((await kept).status, 200);
  });
});

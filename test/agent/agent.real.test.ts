import assert from "node:assert/strict";
import { once } from "node:events";
import { rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { AgentStatus } from "../../agent/status/status.ts";
import { formatBytes } from "../../api/quantity.ts";
import { runCli } from "../support/run-cli.ts";
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
} from "./harness.ts";

const isMeasured = ({
  state,
  measuredBytes,
}: {
  readonly state: string;
  readonly measuredBytes?: number | undefined;
}) => state === "Ready" && measuredBytes !== undefined;
const isReady = ({ state }: { readonly state: string }) => state === "Ready";

const LONG_PROMPT = "The quick brown fox jumps over the lazy dog near the river bank. ".repeat(230);

async function complete(endpoint: string, prompt: string): Promise<string> {
  const response = await fetch(`${endpoint}/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt, max_tokens: 4, temperature: 0 }),
  });
  return response.text();
}

/**
 * An answer as long as the context allows, which nobody has to wait for: how long that takes depends on the machine. It goes on
 * where more of it comes than had come so far, or where it has come to its end.
 */
async function streamOf(endpoint: string) {
  const cancelled = new AbortController();
  const response = await fetch(`${endpoint}/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "Once upon a time", max_tokens: 4000, ignore_eos: true, stream: true }),
    signal: cancelled.signal,
  });
  assert(response.body);
  const { body } = response;
  let chunks = 0;
  let end: { readonly whole: boolean } | undefined;
  const read = async () => {
    let last = "";
    for await (const chunk of body) {
      last = Buffer.from(chunk).toString("utf8");
      chunks += 1;
    }
    return /data: \[DONE\]\s*$/.test(last);
  };
  read().then(
    (whole) => (end = { whole }),
    () => (end = { whole: false }),
  );
  const goesOn = async () => {
    const before = chunks;
    while (chunks === before && end === undefined) await sleep(50);
    assert.notEqual(end?.whole, false, "the answer broke off");
  };
  return { goesOn, cancel: () => cancelled.abort() };
}

describe("the agent with a real llama-server and real weights", function () {
  this.timeout(180_000);
  let site: Site;
  let agent: AgentProcess;
  let port: number;

  beforeEach(async () => {
    site = await newSite();
    port = await getPort();
  });

  afterEach(async function () {
    await stopped(agent);
    if (this.currentTest?.state === "failed") console.log(agent.output());
    assert.deepEqual(await serversLeft(site), []);
  });

  it("serves a completion under its budget, and stays within its estimate after a long prompt", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { endpoint = "", estimateBytes = 0, budget } = await workloadOnce(site, "chat", isReady);
    assert.equal(endpoint, `http://127.0.0.1:${port}/v1`);
    assert.equal(budget?.text, "budget 512.0 MiB (absolute from CRD)");
    assert.match(await complete(endpoint, "The capital of France is"), /"completion_tokens":4/);
    assert.match(await complete(endpoint, LONG_PROMPT), /"prompt_tokens":3\d{3}/);

    // Compute buffers are touched on use, so only now the process is as large as it gets.
    const { updatedAt } = (await statusOnce(site, () => true)).agent;
    const { workloads } = await statusOnce(site, ({ agent: { updatedAt: later } }) => later > updatedAt);
    const measuredBytes = workloads[0]?.measuredBytes ?? 0;
    const over = ((estimateBytes - measuredBytes) / measuredBytes) * 100;
    const sizes = [estimateBytes, measuredBytes].map(formatBytes);
    console.log(`      estimated ${sizes[0]}, measured after 3,000 tokens ${sizes[1]} (${over.toFixed(1)} % over)`);
    assert.ok(over >= 0 && over < 3, `the estimate is ${over} % over what was measured`);

    const table = await runCli("status", "--state", site.state);
    assert.equal(table.exitCode, 0);
    assert.match(table.stdout, /default\/chat +Ready +512\.0 MiB \(crd-budget\)/);
    assert.equal(await stopped(agent), 0);
    assert.equal((await runCli("status", "--state", site.state, "--json")).exitCode, 1);
  });

  it("LLMKube trap T19: stops a running server whose budget is lowered below what it uses", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    await workloadOnce(site, "chat", isReady);
    await writeManifests(site, "chat", { port, budget: "128Mi" });
    const { schedulingMessage } = await workloadOnce(site, "chat", (it) => it.schedulingStatus === "BudgetExceeded");
    assert.match(schedulingMessage ?? "", /^measured \d+\.\d MiB, budget 128\.0 MiB \(absolute from CRD\)/);
    assert.deepEqual(await serversOf(site), []);
  });

  it("keeps a server that uses less than a lowered budget, and says that a restart would be refused", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid, measuredBytes = 0, estimateBytes = 0 } = await workloadOnce(site, "chat", isMeasured);
    const between = Math.round((measuredBytes + estimateBytes) / 2);
    assert(between > measuredBytes, "this test needs an estimate above what is measured");
    await writeManifests(site, "chat", { port, budget: String(between) });
    const after = await workloadOnce(site, "chat", ({ notes }) => notes.some((note) => note.includes("restart")));
    assert.equal(after.pid, pid);
    assert.equal(after.state, "Ready");
  });

  it("refuses a model that does not fit, in LLMKube's words, with advice", async () => {
    await writeManifests(site, "chat", { port, budget: "300Mi" });
    agent = startAgent(site);
    const refused = await workloadOnce(site, "chat", ({ state }) => state === "Failed");
    assert.equal(refused.schedulingStatus, "InsufficientMemory");
    const words = /^estimated \S+ MiB required, budget 300\.0 MiB \(absolute from CRD\).*What would fit: /;
    assert.match(refused.schedulingMessage ?? "", words);
    await writeManifests(site, "chat", { port });
    assert.equal((await workloadOnce(site, "chat", isReady)).schedulingStatus, undefined);
  });

  it("stops a server whose manifest is removed", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    await workloadOnce(site, "chat", isReady);
    await rm(join(site.manifests, "chat.yaml"));
    await statusOnce(site, ({ workloads }) => workloads.length === 0);
    assert.deepEqual(await serversOf(site), []);
  });

  it("restarts a killed server after a back-off", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    assert(pid);
    process.kill(pid, "SIGKILL");
    const down = await workloadOnce(site, "chat", ({ state }) => state === "BackOff");
    assert.equal(down.reason, "Killed");
    const up = await workloadOnce(site, "chat", isReady);
    assert.notEqual(up.pid, pid);
    assert.equal(up.restarts, 1);
  });

  it("LLMKube trap T5: a streaming answer survives a kill -9 and restart of the agent, which adopts the server", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid, endpoint = "" } = await workloadOnce(site, "chat", isReady);
    const answer = await streamOf(endpoint);
    await answer.goesOn();
    await stopped(agent, "SIGKILL");
    assert.deepEqual(await serversOf(site), [pid]);
    agent = startAgent(site);
    const again = await statusOnce(
      site,
      ({ agent: { pid: by }, workloads: [chat] }) => by === agent.child.pid && chat?.state === "Ready",
    );
    assert.equal(again.workloads[0]?.pid, pid);
    assert.equal(again.workloads[0]?.restarts, 0);
    await answer.goesOn();
    answer.cancel();
    assert.deepEqual(await serversOf(site), [pid]);
    await writeManifests(site, "chat", { port, contextSize: 2048 });
    const restarted = await workloadOnce(site, "chat", (it) => isReady(it) && it.pid !== pid);
    assert.deepEqual(await serversOf(site), [restarted.pid]);
  });

  it("LLMKube trap T6: keeps the server of an earlier agent while the manifests cannot be read, and stops it when they are gone", async () => {
    await writeManifests(site, "chat", { port });
    // An object of LLMKube that this agent does not serve is no reason to keep anything.
    const router = "{apiVersion: inference.llmkube.dev/v1alpha1, kind: ModelRouter, metadata: {name: router}}";
    await writeFile(join(site.manifests, "router.yaml"), router);
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    await stopped(agent, "SIGKILL");
    const away = `${site.manifests}-away`;
    await rename(site.manifests, away);
    agent = startAgent(site);
    const by = (status: AgentStatus) => status.agent.pid === agent.child.pid;
    await statusOnce(site, (status) => by(status) && status.workloads[0]?.state === "Ready");
    await sleep(3000);
    assert.deepEqual(await serversOf(site), [pid]);
    await rename(away, site.manifests);
    await statusOnce(site, ({ agent: { problems } }) => problems.length === 0);
    assert.deepEqual(await serversOf(site), [pid]);
    await stopped(agent, "SIGKILL");
    await rm(join(site.manifests, "chat.yaml"));
    agent = startAgent(site);
    await statusOnce(site, (status) => by(status) && status.workloads.length === 0);
    assert.deepEqual(await serversLeft(site), []);
  });

  it("LLMKube trap T15: does not take another process on its port for its server, and starts when the port is free", async () => {
    const foreign = createServer();
    await once(foreign.listen(port, "127.0.0.1"), "listening");
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { message } = await workloadOnce(site, "chat", ({ reason }) => reason === "PortInUse");
    assert.match(message ?? "", new RegExp(`^port ${port} is in use by .*\\(pid ${process.pid}\\)`));
    foreign.close();
    await workloadOnce(site, "chat", isReady);
  });

  it("LLMKube trap T3: lets the second of two models that do not fit together wait, and starts it when the first is gone", async () => {
    await writeManifests(site, "first", { port, priority: "high" });
    await writeManifests(site, "second", { port: await getPort() });
    agent = startAgent(site, "--host-memory", "1Gi", "--memory-fraction", "0.5");
    await workloadOnce(site, "first", isReady);
    const { message } = await workloadOnce(site, "second", (it) => it.message?.includes("of memory") === true);
    assert.match(message ?? "", /^waits for \S+ MiB of memory: it needs/);
    assert.equal((await serversOf(site)).length, 1);
    await rm(join(site.manifests, "first.yaml"));
    await workloadOnce(site, "second", isReady);
  });

  it("LLMKube trap T6: keeps serving beside a malformed file, even if a good file becomes one", async () => {
    await writeManifests(site, "chat", { port });
    await writeFile(join(site.manifests, "bad.yaml"), "kind: [unclosed");
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    await writeFile(join(site.manifests, "chat.yaml"), "apiVersion: inference.llmkube.dev/v1alpha1\nkind: Mod");
    const { agent: said } = await statusOnce(site, (status) => status.agent.problems.length === 2);
    assert.match(said.problems.join("\n"), /^bad\.yaml: it is not valid YAML/);
    assert.match(said.problems.join("\n"), /^chat\.yaml: .*last good version stays in force$/m);
    assert.equal((await workloadOnce(site, "chat", isReady)).pid, pid);
  });

  it("restarts one server when its settings change", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    await writeManifests(site, "chat", { port, contextSize: 2048 });
    await workloadOnce(site, "chat", (it) => isReady(it) && it.pid !== pid);
    assert.equal((await serversOf(site)).length, 1);
  });

  it("kills a server that ignores SIGTERM after the grace period, and still ends with 0", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    assert(pid);
    process.kill(pid, "SIGSTOP");
    assert.equal(await stopped(agent, "SIGTERM"), 0);
    assert.deepEqual(await serversOf(site), []);
  });

  it("kills everything at once on a second signal, and ends with 130", async () => {
    await writeManifests(site, "chat", { port });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    assert(pid);
    process.kill(pid, "SIGSTOP");
    agent.child.kill("SIGINT");
    await workloadOnce(site, "chat", ({ state }) => state === "Draining");
    // Two within 0.3 s are one: some shells send Ctrl-C twice.
    await sleep(400);
    assert.equal(await stopped(agent), 130);
  });

  it("LLMKube trap T2: allows one agent per state folder, so that the status has one writer", async () => {
    agent = startAgent(site);
    await statusOnce(site, () => true);
    const second = startAgent(site);
    await once(second.child, "exit");
    assert.equal(second.child.exitCode, 2);
    assert.match(second.output(), new RegExp(`another agent \\(pid ${agent.child.pid}\\) uses the state folder`));
  });
});

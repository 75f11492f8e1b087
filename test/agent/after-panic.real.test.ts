import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import { MAC } from "../../agent/host/darwin/mac-paths.ts";
import { runCli } from "../support/run-cli.ts";
import { panicText, putReport } from "./boot/reports.ts";
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

const EARLIER_BOOT = "6CE7A0C1-3B0F-4C7E-9F6B-0A1B2C3D4E5F";

/**
 * Real agents with a stand-in for llama-server. The machine does not panic: agent and server are killed, the record gets the id of another
 * boot, and a report is made up in a folder that stands for that of macOS.
 */
describe("a model that ran when the machine went down", function () {
  this.timeout(120_000);
  let agent: AgentProcess | undefined;
  let site: Site;
  let port: number;
  afterEach(async () => {
    if (agent !== undefined) await stopped(agent);
  });

  const reports = () => join(site.state, "..", "DiagnosticReports");
  const start = async () => {
    agent = startAgentWith(site, {
      env: withReplaced([{ module: "/host/darwin/mac-paths", from: MAC.diagnosticReports, to: reports() }]),
    });
    const by = agent.child.pid;
    await statusOnce(site, (status) => status.agent.pid === by && status.workloads.length === 1);
    return agent;
  };
  const stateOf = async (...states: readonly string[]) =>
    workloadOnce(site, "a", ({ state }) => states.includes(state));

  /** What is left of an agent and its server when their machine has gone down. */
  beforeEach(async () => {
    site = { ...(await newSite()), llamaServer: await standIn("well") };
    port = await getPort();
    await writeManifests(site, "a", { port });
    const before = await start();
    await stateOf("Ready");
    await stopped(before, "SIGKILL");
    await killServers(site);
    const path = join(site.state, "servers", "default_a.json");
    const record = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...record, bootId: EARLIER_BOOT }));
  });

  const panicked = () => {
    const now = Math.floor(Date.now() / 1000);
    const clock = { bootedAt: now - 7200, panickedAt: now };
    const text = panicText({ bootId: EARLIER_BOOT, ...clock, timestamp: "2026-08-09 03:41:24.00 -0700" });
    return putReport(reports(), "panic-full-2026-08-09-034124.0002.panic", text);
  };

  it("stays down where it panicked, whatever agents come, until it is allowed", async () => {
    const report = await panicked();
    const held = await heldBack();
    assert.ok(held.message?.includes(`(report ${report})`), held.message);
    assert.match(held.message ?? "", /or let it start with pulumi-llmkube agent allow default\/a$/);
    if (agent !== undefined) await stopped(agent);
    await heldBack();
    assert.equal(agent?.output().includes("default/a: Starting"), false);
    const wrong = await runCli("agent", "allow", "b", "--state", site.state);
    assert.deepEqual(
      [wrong.exitCode, wrong.stderr],
      [2, "pulumi-llmkube: there is no model b: there is default/a, of those that are held back"],
    );
    const allowed = await runCli("agent", "allow", "a", "--state", site.state);
    assert.deepEqual([allowed.exitCode, allowed.stdout], [0, "default/a may start again"]);
    await stateOf("Ready");
    const again = await runCli("agent", "--state", site.state, "allow", "a");
    assert.equal(again.exitCode, 2);
    assert.match(again.stderr, /^pulumi-llmkube: the agent with the state folder .* holds no model back$/);
  });

  const heldBack = async () => {
    await start();
    const held = await stateOf("HeldBack", "Starting", "Ready");
    assert.deepEqual([held.state, held.reason, held.phase, held.pid], ["HeldBack", "AfterPanic", "Failed", undefined]);
    return held;
  };

  it("starts with another budget, which is a person's word", async () => {
    await panicked();
    await heldBack();
    await writeManifests(site, "a", { port, budget: "500Mi" });
    await stateOf("Ready");
  });

  it("starts where only the power was cut", async () => {
    await start();
    await stateOf("Ready");
    assert.equal(agent?.output().includes("HeldBack"), false);
  });
});

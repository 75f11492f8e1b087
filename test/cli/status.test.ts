import assert from "node:assert/strict";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { watchdogPath } from "../../agent/state/layout.ts";
import type { AgentStatus } from "../../agent/status/status.ts";
import { fileSink } from "../../agent/status/status-file.ts";
import type { WatchdogFile } from "../../agent/status/watchdog-file.ts";
import { writeWatchdogFile } from "../../agent/status/watchdog-file-write.ts";
import { newsOf, statusText } from "../../cli/status-text.ts";
import { ON_DEMAND } from "../agent/http/recorded.ts";
import { standIn } from "../agent/stand-in.ts";
import { inProcess } from "../support/in-process.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { startCli } from "./running.ts";

const GIB = 2 ** 30;
const at = new Date(0).toISOString();
const status: AgentStatus = {
  agent: {
    pid: 2 ** 22 + 1,
    startedAt: at,
    updatedAt: at,
    hostMemoryBytes: 16 * GIB,
    allocatableBytes: 10 * GIB,
    kernelCap: "cgroup v1",
    backend: "metal",
    notes: [],
    problems: ["x.yaml: it is empty"],
  },
  workloads: [
    {
      id: "default/chat",
      name: "default/chat",
      state: "Ready",
      phase: "Ready",
      budget: { bytes: 8 * GIB, source: "crd-budget", text: "budget 8.0 GiB (absolute from CRD)" },
      estimateBytes: 6 * GIB,
      measuredBytes: 5 * GIB,
      endpoint: "http://127.0.0.1:8080/v1",
      restarts: 0,
      notes: ["a note"],
    },
    {
      id: "default/big",
      name: "default/big",
      state: "Failed",
      reason: "InsufficientMemory",
      message: "no",
      phase: "Failed",
      restarts: 0,
      notes: [],
    },
  ],
};

describe("pulumi-llmkube status", function () {
  this.timeout(60_000);

  it("prints a row a model, and why each that is not Ready is not", () => {
    const lines = statusText(status, 0)
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(lines, [
      ["MODEL", "STATE", "BUDGET", "ESTIMATE", "MEASURED", "ENDPOINT"],
      ["default/chat", "Ready", "8.0 GiB (crd-budget)", "6.0 GiB", "5.0 GiB", "http://127.0.0.1:8080/v1"],
      ["default/big", "Failed", "-", "-", "-", "-"],
      ["default/chat: a note"],
      ["default/big: InsufficientMemory: no"],
      ["x.yaml: it is empty"],
      ["5.0 GiB measured of 10.0 GiB for models, 16.0 GiB of memory (metal)"],
    ]);
  });

  it("names the status page where there is one", () => {
    const pageUrl = "http://127.0.0.1:9099/";
    assert.match(statusText({ ...status, agent: { ...status.agent, pageUrl } }, 0), /\nstatus page: http:\S+:9099\/$/);
  });

  it("says who sleeps, who is asked for, and which models were unloaded last, where there is a gateway", () => {
    const lines = statusText(ON_DEMAND, Date.parse("2026-11-27T11:00:00.000Z"))
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));
    const [head, ...rows] = lines.slice(0, 7).map((line) => [line[0], line[1], ...line.slice(5, 8)]);
    assert.deepEqual(head, ["MODEL", "STATE", "IN FLIGHT", "WAITING", "LAST USED"]);
    assert.equal(lines[0]?.[8], "ENDPOINT");
    assert.deepEqual(rows, [
      ["default/chat", "Ready", "2", "0", "1s ago"],
      ["default/coder", "Starting", "0", "3", "2s ago"],
      ["default/summary", "Sleeping", "0", "0", "48m ago"],
      ["default/writer", "Sleeping", "0", "0", "3m ago"],
      ["research/never-asked", "Sleeping", "0", "0", "-"],
      ["research/big", "Failed", "0", "0", "30m ago"],
    ]);
    assert.deepEqual(lines.slice(7).flat(), [
      "default/summary: Idle: nobody asked for it for 10m; the next request wakes it",
      "default/writer: MadeRoom: unloaded to make room for default/coder; the next request wakes it",
      "research/never-asked: the first request wakes it",
      "research/big: InsufficientMemory: estimated 14.2 GiB required, budget 10.7 GiB (16.0 GiB total * 67%)",
      "default/writer: unloaded 10s ago: MadeRoom: needs 3.4 GiB, 2.1 GiB were left; default/writer was used least recently",
      "default/summary: unloaded 38m ago: Idle: nobody asked for it for 10m",
      "5.9 GiB measured of 10.7 GiB for models, 16.0 GiB of memory (metal)",
      "gateway: http://127.0.0.1:8000/v1",
    ]);
  });

  it("takes for no news how long ago something was, whatever width it has", () => {
    const at = (second: number) =>
      newsOf(statusText(ON_DEMAND, Date.parse("2026-11-27T11:00:00.000Z") + second * 1000));
    assert.equal(at(1), at(0));
    assert.equal(at(3600), at(0));
    const asked = ON_DEMAND.workloads.map((one) => ({ ...one, demand: { waiting: 0, inFlight: 0 } }));
    assert.notEqual(newsOf(statusText({ ...ON_DEMAND, workloads: asked }, 0)), at(0));
  });

  it("with --watch prints what is new until Ctrl-C, and exits with 0", async () => {
    const state = await temporaryDirectory();
    await fileSink(state).publish(status);
    const watching = startCli("status", "--state", state, "--watch");
    await watching.printed(/no agent runs; this is the last status, from 1970.*\n[\s\S]*default\/chat +Ready/);
    await fileSink(state).publish({ ...status, workloads: [] });
    await watching.printed(/default\/chat +Ready[\s\S]*\n\nno agent runs.*\nNo models\.\n/);
    assert.equal(await watching.interrupted(), 0);
  });

  it("exits with 2 for --watch where none ever ran, and for --watch with --json", async () => {
    const state = await temporaryDirectory();
    assert.equal((await inProcess("status", "--state", state, "--watch")).exitCode, 2);
    assert.equal((await inProcess("status", "--state", state, "--watch", "--json")).exitCode, 2);
  });

  it("exits with 1 and still prints where the agent no longer runs", async () => {
    const state = await temporaryDirectory();
    await fileSink(state).publish(status);
    const { exitCode, stdout, stderr } = await inProcess("status", "--state", state, "--json");
    assert.equal(exitCode, 1);
    assert.deepEqual(JSON.parse(stdout), status);
    assert.match(stderr, /no agent runs; this is the last status/);
  });

  it("exits with 2 where there is no state, or a foreign one", async () => {
    const state = await temporaryDirectory();
    assert.equal((await inProcess("status", "--state", state)).exitCode, 2);
    await writeFile(join(state, "status.json"), "{}");
    const foreign = await inProcess("status", "--state", state);
    assert.equal(foreign.exitCode, 2);
    assert.match(foreign.stderr, /was written by another version of the agent/);
    await writeFile(join(state, "status.json"), "{");
    assert.match((await inProcess("status", "--state", state)).stderr, /is not JSON/);
  });

  describe("where the agent's main part is stuck or gone", () => {
    const now = () => new Date().toISOString();
    /** A state folder whose agent is this very process, silent for a minute, with a model that has a process. */
    const stuckAgent = async (part: Partial<AgentStatus["agent"]> = {}) => {
      const state = await temporaryDirectory();
      const [chat] = status.workloads;
      assert(chat);
      const minuteAgo = new Date(Date.now() - 60_000);
      const startedAt = new Date().toISOString();
      const agent = { ...status.agent, pid: process.pid, startedAt, updatedAt: minuteAgo.toISOString(), ...part };
      await fileSink(state).publish({ agent, workloads: [{ ...chat, pid: 4242 }] });
      await utimes(join(state, "status.json"), minuteAgo, minuteAgo);
      await mkdir(`${state}.lock`);
      return state;
    };
    const watchdog = (part: Partial<WatchdogFile>): WatchdogFile => ({
      ...{ version: 1, pid: process.pid, startTime: "1", updatedAt: now(), mainPid: process.pid },
      ...{ mainSeenAt: at, mainAlive: true, servers: [], stops: [], ...part },
    });
    const server = { id: "default/chat", name: "default/chat", pid: 4242, budgetBytes: 8 * GIB, over: 0 };

    it("says for how long, and exits with 3", async () => {
      const { exitCode, stdout, stderr } = await inProcess("status", "--state", await stuckAgent());
      assert.equal(exitCode, 3);
      assert.match(stdout, /default\/chat +Ready/);
      assert.match(stderr, /the agent's main part has been stuck for (59|6\d) s; this is the last status, from \d/);
    });

    it("shows no server as Ready that the watchdog has stopped meanwhile, as text and as JSON", async () => {
      const state = await stuckAgent();
      const stop = {
        id: "default/chat",
        name: "default/chat",
        at: now(),
        reason: "BudgetExceeded",
        message: "too much",
      };
      await writeWatchdogFile(watchdogPath(state), watchdog({ stops: [stop] }));
      const text = await inProcess("status", "--state", state);
      assert.equal(text.exitCode, 3);
      assert.match(text.stdout, /default\/chat +Failed/);
      assert.match(text.stdout, /default\/chat: BudgetExceeded: too much; the watchdog stopped it at/);
      assert.match(
        text.stderr,
        /stuck for \d+ s; the watchdog \(pid \d+\) goes on holding its servers to their budgets/,
      );
      const json = await inProcess("status", "--state", state, "--json");
      assert.equal(JSON.parse(json.stdout).workloads[0].state, "Failed");
    });

    it("says of a dead agent with a living watchdog that its servers are watched, and exits with 1", async () => {
      const state = await stuckAgent({ pid: 2 ** 22 + 1 });
      const content = watchdog({ mainAlive: false, servers: [{ ...server, measuredBytes: 7 * GIB }] });
      await writeWatchdogFile(watchdogPath(state), content);
      const { exitCode, stdout, stderr } = await inProcess("status", "--state", state);
      assert.equal(exitCode, 1);
      assert.match(stdout, /default\/chat +Ready +8\.0 GiB \(crd-budget\) +6\.0 GiB +7\.0 GiB/);
      assert.equal(
        stderr,
        `pulumi-llmkube: no agent runs; the watchdog (pid ${process.pid}) goes on holding its servers to their budgets`,
      );
    });

    it("does not take another process, which got the pid of a dead agent, for the agent", async () => {
      const { exitCode, stderr } = await inProcess("status", "--state", await stuckAgent({ startedAt: at }));
      assert.deepEqual([exitCode, /no agent runs; this is the last status/.test(stderr)], [1, true], stderr);
    });

    it("notices a real one that is stopped, and that it goes on", async () => {
      const folder = await temporaryDirectory();
      const state = join(folder, "state");
      const folders = ["--manifests", folder, "--state", state, "--models", join(folder, "models")];
      const agent = startCli("agent", ...folders, "--llama-server", await standIn("well"), "--listen", "off");
      await agent.printed(/watching/);
      const exitCode = async () => (await inProcess("status", "--state", state)).exitCode;
      const becomes = async (code: number) => {
        const deadline = Date.now() + 30_000;
        while ((await exitCode()) !== code) assert(Date.now() < deadline, `exit code is not ${code}`);
      };
      await becomes(0);
      agent.signal("SIGSTOP");
      await becomes(3);
      agent.signal("SIGCONT");
      await becomes(0);
      assert.equal(await agent.interrupted(), 0);
    });
  });
});

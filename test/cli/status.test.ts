import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentStatus } from "../../agent/status/status.ts";
import { fileSink } from "../../agent/status/status-file.ts";
import { statusText } from "../../cli/status-show.ts";
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
    const lines = statusText(status)
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
    assert.match(statusText({ ...status, agent: { ...status.agent, pageUrl } }), /\nstatus page: http:\S+:9099\/$/);
  });

  it("with --watch prints what is new until Ctrl-C, and exits with 0", async () => {
    const state = await temporaryDirectory();
    await fileSink(state).publish(status);
    const watching = startCli("status", "--state", state, "--watch");
    await watching.printed(/default\/chat +Ready[\s\S]*\nthe agent is not running; this is its last status, from 1970/);
    await fileSink(state).publish({ ...status, workloads: [] });
    await watching.printed(/default\/chat +Ready[\s\S]*\n\nNo models\.\n/);
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
    assert.match(stderr, /the agent is not running/);
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
});

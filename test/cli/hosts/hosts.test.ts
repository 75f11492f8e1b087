import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GiB } from "../../../api/bytes.ts";
import { hostNameOf } from "../../../cli/hosts/from-status.ts";
import { openHosts } from "../../../policies/hosts/open.ts";
import { inProcess } from "../../support/in-process.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const TIME = "2026-11-26T12:00:00.000Z";

function status(gateway: object = {}, endpoint = "http://127.0.0.1:8081/v1") {
  const agent = { pid: 1, startedAt: TIME, updatedAt: TIME, hostMemoryBytes: 16 * GiB, allocatableBytes: 10 * GiB };
  const workload = { restarts: 0, notes: [], phase: "Ready", state: "Ready" };
  return {
    agent: { ...agent, backend: "metal", kernelCap: "none", problems: [], notes: [], ...gateway },
    workloads: [
      {
        ...workload,
        id: "a",
        name: "team/chat",
        pid: 7,
        estimateBytes: 2 * GiB,
        measuredBytes: 3 * GiB,
        endpoint,
      },
      { ...workload, id: "b", name: "team/waits", state: "Waiting", phase: "Pending", estimateBytes: GiB },
    ],
  };
}

describe("pulumi-llmkube hosts export", () => {
  let folder: string;

  before(async () => {
    folder = await temporaryDirectory();
    await writeFile(join(folder, "status.json"), JSON.stringify(status()));
  });

  it("writes what a preview reads: this Mac, and what runs on it at its largest", async () => {
    const out = join(folder, "hosts.json");
    const { exitCode, stdout } = await inProcess(
      "hosts",
      "export",
      "--state",
      folder,
      "--name",
      "studio-1",
      "--out",
      out,
    );
    assert.deepEqual([exitCode, stdout], [0, `${out}: 1 Mac`]);
    const { hosts, running, problems } = await openHosts([], { hostsFile: out });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      hosts.map(({ name, allocatableBytes, memoryMiB }) => [name, allocatableBytes, memoryMiB]),
      [["studio-1", 10 * GiB, 16 * 1024]],
    );
    assert.deepEqual(
      running.map(({ workload, needBytes, ports }) => [workload, needBytes, ports]),
      [["team/chat", 3 * GiB, [8081]]],
    );
  });

  it("takes the port of a gateway for no model's, and lets a model that sleeps hold nothing", async () => {
    const state = await temporaryDirectory();
    const gatewayUrl = "http://127.0.0.1:8000/v1";
    const { agent, workloads } = status({ gatewayUrl }, gatewayUrl);
    const sleeping = { ...workloads[1], state: "Sleeping", phase: "Stopped", endpoint: gatewayUrl };
    const content = { agent, workloads: [workloads[0], sleeping] };
    await writeFile(join(state, "status.json"), JSON.stringify(content));
    const { stdout } = await inProcess("hosts", "export", "--state", state, "--name", "studio-1");
    assert.deepEqual(JSON.parse(stdout).hosts[0].models, [{ name: "team/chat", memory: "3Gi" }]);
  });

  it("prints it where no file is named, and leaves out what runs where that is asked", async () => {
    const { stdout } = await inProcess("hosts", "export", "--state", folder, "--name", "studio-1", "--no-models");
    assert.deepEqual(JSON.parse(stdout), {
      schemaVersion: 1,
      hosts: [{ name: "studio-1", memory: "16Gi", allocatable: "10Gi" }],
    });
  });

  const bad: readonly (readonly [what: string, flags: () => readonly string[], says: RegExp])[] = [
    [
      "a name that no Mac has",
      () => ["--state", folder, "--name", "Studio 1"],
      /^pulumi-llmkube: --name "Studio 1" is no name of a Node/,
    ],
    ["a folder without an agent", () => ["--state", join(folder, "none")], /^pulumi-llmkube: /],
    ["a kubeconfig that is not there", () => ["--kubeconfig", join(folder, "none")], /none/],
    [
      "a file that cannot be written",
      () => ["--state", folder, "--out", join(folder, "no", "hosts.json")],
      /--out .* cannot be written: ENOENT/,
    ],
  ];
  for (const [what, flags, says] of bad) {
    it(`ends with 2 and one sentence for ${what}`, async () => {
      const { exitCode, stdout, stderr } = await inProcess("hosts", "export", ...flags());
      assert.deepEqual([exitCode, stdout, stderr.trim().split("\n").length], [2, "", 1]);
      assert.match(stderr, says);
    });
  }

  it("writes the file whole or not at all", async () => {
    const out = join(folder, "kept.json");
    await writeFile(out, "kept");
    await inProcess("hosts", "export", "--state", join(folder, "none"), "--out", out);
    assert.equal(await readFile(out, "utf8"), "kept");
  });

  it("makes a host's name of that of the machine", () => {
    assert.deepEqual(["Studio-1.local", "MAC_2", "...", "-a-"].map(hostNameOf), ["studio-1", "mac-2", "mac", "a"]);
  });
});

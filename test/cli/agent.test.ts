import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readStatus } from "../../agent/status/status-file.ts";
import { standIn } from "../agent/stand-in.ts";
import { inProcess } from "../support/in-process.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { startCli } from "./running.ts";

describe("pulumi-llmkube agent", function () {
  this.timeout(60_000);

  const badFlags: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
    [["--manifests", "m", "--memory-fraction", "1.5"], /above 0 and at most 1/],
    [["--manifests", "m", "--memory-fraction", "NaN"], /above 0 and at most 1/],
    [["--manifests", "m", "--memory-fraction", "0"], /above 0 and at most 1/],
    [["--manifests", "m", "--host-memory", "24GB"], /"24GB" is not a quantity of bytes/],
    [["--manifests", "m", "--host-memory", "-8Gi"], /above 0/],
    [["--manifests", "m", "--host-memory", "1"], /at least 512Mi/],
    [["--manifests", "m", "--host-memory", "16"], /at least 512Mi.*for example 16Gi/],
    [["--manifests", "m", "--reserve", "512Mi"], /"512Mi" is too little: the system itself needs at least 1\.0 GiB/],
    [["--manifests", "m", "--reserve", "4GB"], /"4GB" is not a quantity of bytes/],
    [["--manifests", "m", "--listen", "0.0.0.0:9099"], /refusing to listen on 0\.0\.0\.0/],
    [["--manifests", "m", "--listen", "9099"], /is not HOST:PORT/],
    [["--manifests", "m", "--log-level", "loud"], /Allowed choices are trace, debug, info, warn, error, silent/],
    [
      ["--manifests", "m", "--saved-slots", "8Gi"],
      /--saved-slots needs --gateway, for example --gateway 127\.0\.0\.1:9000/,
    ],
    [["--manifests", "m", "--idle-unload", "10m"], /--idle-unload needs --gateway/],
    [["--manifests", "m", "--gateway", "127.0.0.1:0", "--saved-slots", "8"], /at least 64Mi.*for example 8Gi/],
    [["--manifests", "m", "--gateway", "127.0.0.1:0", "--saved-slots", "8GB"], /"8GB" is not a quantity of bytes/],
    [["--manifests", "m", "--nonsense"], /unknown option/],
    [["--manifests", "m", "--kubeconfig", "k"], /--manifests and --kubeconfig exclude each other/],
    [["--kubeconfig", "k", "--api-key-file", "f"], /--api-key-file and --kubeconfig exclude each other/],
    [["--manifests", "m", "--node-ip", "10.0.0.1"], /--node-ip needs --kubeconfig/],
    [["--manifests", "m", "--stand-in-mac", "127.0.0.2"], /--stand-in-mac needs --kubeconfig/],
    [["--kubeconfig", "k", "--kubelet-port", "65536"], /must be a port, from 0 to 65535/],
    [["--kubeconfig", "nowhere/kubeconfig"], /nowhere\/kubeconfig/],
  ];
  for (const [flags, says] of badFlags) {
    it(`refuses ${flags.join(" ") || "no flags"}`, async () => {
      const { exitCode, stderr } = await inProcess("agent", ...flags);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  const cluster = { name: "c", cluster: { server: "https://127.0.0.1:9" } };
  const user = { name: "u", user: { token: "t", as: "system:node:mac-1", "as-groups": ["system:nodes"] } };
  const context = { name: "x", context: { cluster: "c", user: "u" } };
  const sound = { apiVersion: "v1", kind: "Config", clusters: [cluster], users: [user], contexts: [context] };
  const kubeconfig = JSON.stringify({ ...sound, "current-context": "x" });
  // On a Mac it would start.
  const onNoMac = [["on a machine that is no Mac", kubeconfig, [], /no Mac.*--stand-in-mac/]] as const;
  const badIdentities: readonly (readonly [what: string, text: string, flags: readonly string[], says: RegExp])[] = [
    ["that is no YAML", "{{{", [], /kubeconfig/],
    ["of no cluster", JSON.stringify({ apiVersion: "v1", kind: "Config" }), [], /kubeconfig/],
    ["of another Mac", kubeconfig, ["--node-name", "mac-2"], /mac-2/],
    ["for a name that is no DNS name", kubeconfig, ["--node-name", "Mac_1"], /Mac_1/],
    ["with an address that is none", kubeconfig, ["--node-ip", "here"], /--node-ip "here" is no IP address/],
    ...(process.platform === "darwin" ? [] : onNoMac),
    ["with the address of another machine", kubeconfig, ["--node-ip", "192.0.2.77"], /not an address of this machine/],
    [
      "with a stand-in's address that is no loopback",
      kubeconfig,
      ["--stand-in-mac", "10.0.0.1"],
      /no loopback address/,
    ],
  ];
  for (const [what, text, flags, says] of badIdentities) {
    it(`refuses a kubeconfig ${what}`, async () => {
      const path = join(await temporaryDirectory(), "kubeconfig");
      await writeFile(path, text);
      const { exitCode, stderr } = await inProcess("agent", "--kubeconfig", path, ...flags);
      assert.deepEqual([exitCode, stderr.trim().split("\n").length], [2, 1], stderr);
      assert.match(stderr, says);
    });
  }

  it("says what to do where there is no llama-server, in a process of its own", async () => {
    const folder = await temporaryDirectory();
    const missing = join(folder, "llama-server");
    const flags = ["--manifests", folder, "--state", join(folder, "state"), "--llama-server", missing];
    const { exitCode, stderr } = await runCli("agent", ...flags);
    assert.equal(exitCode, 2);
    assert.match(stderr, /^pulumi-llmkube: .*llama-server was not found: install llama\.cpp .*--llama-server$/);
  });

  it("says that a binary is no llama-server", async () => {
    const folder = await temporaryDirectory();
    const flags = ["--manifests", folder, "--state", join(folder, "state"), "--llama-server", process.execPath];
    const { exitCode, stderr } = await inProcess("agent", ...flags);
    assert.equal(exitCode, 2);
    assert.match(stderr, /^pulumi-llmkube: .*node is not llama-server: name the right binary with --llama-server$/);
  });

  it("says that the state folder cannot be written", async () => {
    const folder = await temporaryDirectory();
    const state = join(process.execPath, "state");
    const llamaServer = await standIn("well");
    const flags = ["--manifests", folder, "--state", state, "--llama-server", llamaServer];
    const { exitCode, stderr } = await inProcess("agent", ...flags);
    assert.equal(exitCode, 2);
    assert.match(stderr, /cannot be written \(ENOTDIR\): name another one with --state$/);
  });

  for (const [level, format] of [
    ["info", []],
    ["error", []],
    ["info", ["--json"]],
    ["silent", ["--json"]],
  ] as const) {
    it(`${["--log-level", level, ...format].join(" ")}: ${level === "info" ? "logs" : "does not log"} its start`, async () => {
      const folder = await temporaryDirectory();
      const state = join(folder, "state");
      const flags = [
        "--manifests",
        folder,
        "--state",
        state,
        "--llama-server",
        await standIn("well"),
        "--listen",
        "off",
      ];
      const agent = startCli("agent", ...flags, "--log-level", level, ...format);
      for (let tries = 0; tries < 600 && !(await readStatus(state)).ok; tries += 1) await sleep(50);
      assert.equal(await agent.interrupted(), 0);
      assert.equal(agent.stdout().includes(`watching ${folder}`), level === "info", agent.stdout());
    });
  }

  describe("dump", () => {
    it("prints what the agent holds of each workload, without a secret of its source", async () => {
      const folder = await temporaryDirectory();
      const [state, manifests] = [join(folder, "state"), join(folder, "manifests")];
      await mkdir(manifests);
      const apiVersion = "inference.llmkube.dev/v1alpha1";
      const documents = [
        { apiVersion, kind: "Model", metadata: { name: "m" }, spec: { source: "http://me:hush@127.0.0.1:9/m.gguf" } },
        { apiVersion, kind: "InferenceService", metadata: { name: "chat" }, spec: { modelRef: "m" } },
      ];
      await writeFile(join(manifests, "m.yaml"), documents.map((one) => JSON.stringify(one)).join("\n---\n"));
      const listen = ["--listen", "127.0.0.1:0"];
      const flags = ["--manifests", manifests, "--state", state, "--llama-server", await standIn("well"), ...listen];
      const agent = startCli("agent", ...flags);
      const held = async () => {
        const status = await readStatus(state);
        return status.ok && status.value.workloads.length === 1;
      };
      for (let tries = 0; tries < 600 && !(await held()); tries += 1) await sleep(50);
      const { stdout, exitCode, stderr } = await runCli("agent", "dump", "--state", state);
      assert.equal(exitCode, 0, stderr);
      const [entry] = JSON.parse(stdout);
      assert.deepEqual([entry.id, entry.name, entry.decision.act], ["default/chat", "default/chat", "nothing"]);
      assert.doesNotMatch(stdout, /hush/);
      assert.equal(await agent.interrupted(), 0);
      const gone = await inProcess("agent", "dump", "--state", state);
      assert.deepEqual([gone.exitCode, gone.stdout], [1, ""]);
      assert.match(gone.stderr, /no agent runs with the state folder/);
    });

    it("says where there is nobody to ask", async () => {
      const { exitCode, stderr } = await inProcess("agent", "dump", "--state", await temporaryDirectory());
      assert.equal(exitCode, 2);
      assert.match(stderr, /no agent has run with the state folder/);
    });
  });
});

import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import type { Stack } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { controllerManifests, nodeManifests } from "../../../cluster/index.ts";
import { LlmController, LlmModel, LlmNode } from "../../../components/index.ts";
import { KINDS } from "../../../kube/kinds.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { accessOf, macNode, mustBeForbidden, mustSucceed } from "../../identity/support.ts";
import { type Cluster, startCluster } from "../../support/cluster/cluster.ts";
import { BUILD_TIMEOUT_MS, type Engine, inlineStack, startOfficialEngine } from "../../support/pulumi.ts";

const IMAGE = "registry.example/pulumi-llmkube:1";

/** The components, brought up by the real engine and the official kubernetes provider. */
describe("LlmController, LlmNode and LlmModel on a real control plane", function () {
  this.timeout(180_000);
  let cluster: Cluster;
  let engine: Engine;
  let stack: Stack;
  let outputs: Awaited<ReturnType<Stack["outputs"]>>;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    engine = await startOfficialEngine();
    cluster = await startCluster({ crds: false });
    const [kubeconfig, certificateAuthority] = await Promise.all([
      readFile(cluster.kubeconfigPath, "utf8"),
      readFile(cluster.caFile, "utf8"),
    ]);
    stack = await inlineStack(engine, "fleet", async () => {
      const provider = new k8s.Provider("cluster", { kubeconfig });
      // No node here can run the controller's image.
      const controller = new LlmController("fleet", { image: IMAGE, replicas: 0 }, { provider });
      const { namespace } = controller;
      const node = new LlmNode("mac-1", { server: cluster.server, certificateAuthority, namespace }, { provider });
      const source = "/models/chat.gguf";
      const model = new LlmModel(
        "chat",
        { source, memoryBudget: "8Gi", serving: {} },
        { provider, dependsOn: controller },
      );
      const { kubeconfig: agents, installCommand, launchdPlist } = node;
      return { kubeconfig: agents, installCommand, launchdPlist, model: model.modelName };
    });
    await stack.up();
    outputs = await stack.outputs();
  });
  after(async function () {
    this.timeout(60_000);
    await cluster?.stop();
    await engine?.close();
  });

  it("makes the objects that the YAML has", async () => {
    const expected = [...controllerManifests({ image: IMAGE, replicas: 0 }), ...nodeManifests({ nodeName: "mac-1" })];
    // The API server says where one lacks, or has another value in a field that Pulumi has written.
    const answer = await cluster.kubectl(
      ["diff", "--server-side", "--field-manager=test", "--force-conflicts", "-f", "-"],
      {
        input: expected,
      },
    );
    assert.equal(answer, "");
    await cluster.kubectl(["get", "models/chat", "inferenceservices/chat"]);
  });

  it("changes nothing when it is brought up again", async () => {
    const { changeSummary } = await stack.preview();
    assert.deepEqual(Object.keys(changeSummary), ["same"]);
  });

  it("puts out a kubeconfig that is a secret, and an install command that is none", () => {
    assert.equal(outputs["kubeconfig"]?.secret, true);
    assert.equal(outputs["installCommand"]?.secret, false);
  });

  it("installs a Mac by its command: the token in a file of its own, and the rights of that Mac alone", async () => {
    const home = join(engine.folder, "mac");
    const bin = join(engine.folder, "bin");
    await Promise.all([mkdir(home), mkdir(bin)]);
    const script = (name: string, text: string) => writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    await script(
      "ssh",
      `[ "$1" = -t ] && shift; [ "$1" = mac-1 ] || exit 1; shift; cd ${home}; HOME=${home} exec sh -c "$*"`,
    );
    await script("sudo", `echo "$@" > ${home}/installed`);
    await script("kubectl", `exec ${await ensureTool("kubectl")} "$@"`);
    const command = String(outputs["installCommand"]?.value);
    const env = { PATH: [bin, process.env["PATH"]].join(delimiter), KUBECONFIG: cluster.kubeconfigPath };
    await execa("sh", ["-c", command], { env });

    const kubeconfig = join(home, ".pulumi-llmkube", "kubeconfig");
    const installed = await readFile(join(home, "installed"), "utf8");
    assert.equal(installed.trim(), `pulumi-llmkube agent install --kubeconfig ${kubeconfig}`);
    for (const file of [kubeconfig, join(dirname(kubeconfig), "token")]) {
      assert.equal((await stat(file)).mode & 0o777, 0o600, file);
    }
    const client = (await accessOf(kubeconfig)).client();
    try {
      mustSucceed(await client.create(KINDS.node, macNode("mac-1")));
      mustSucceed(await client.get(KINDS.model, { namespace: "default", name: "chat" }));
      mustBeForbidden(await client.create(KINDS.node, macNode("mac-2")));
    } finally {
      await client.close();
    }
  });

  it("takes everything away again", async () => {
    await stack.destroy();
    const all = ["clusterroles", "clusterrolebindings", "validatingadmissionpolicies", "crds", "namespaces"];
    const left = await cluster.kubectl([
      "get",
      all.join(","),
      "-l",
      "app.kubernetes.io/name=pulumi-llmkube",
      "-o",
      "name",
    ]);
    assert.equal(left, "");
    await assert.rejects(cluster.kubectl(["get", "crd", "models.inference.llmkube.dev"]), /not found/);
  });
});

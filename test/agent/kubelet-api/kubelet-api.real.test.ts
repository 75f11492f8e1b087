import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { Counter, Registry } from "@prometheus-io/client";
import { execa } from "execa";
import { type KubeletApi, openKubeletApi } from "../../../agent/kubelet-api/kubelet-api.ts";
import type { KubeClient, KubeObject } from "../../../kube/client.ts";
import { KINDS } from "../../../kube/kinds.ts";
import { openKubeClient } from "../../../kube/open-client.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus, aWorkloadStatus } from "../http/recorded.ts";
import { ask, textOf } from "./serve.ts";

const NODE = "mac-1";
const CONTAINER = "llama-server";

/** The API server does not ask loopback addresses for logs and metrics. */
function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  assert(found, "this machine has no address beyond loopback");
  return found.address;
}

describe("the kubelet API behind a real API server", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let kube: KubeClient;
  let api: KubeletApi;
  let logPath: string;
  let pods: readonly KubeObject[] = [];
  let pid: number | undefined = process.pid;
  const stop = new AbortController();
  let running: readonly Promise<void>[] = [];
  const address = ownAddress();

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster({ crds: false, nodeGraceSeconds: 600 });
    const opened = await openKubeClient({ kubeconfig: await cluster.asMac(NODE) });
    assert(opened.ok, opened.ok ? "" : opened.error);
    kube = opened.value;
    const folder = await temporaryDirectory();
    logPath = join(folder, "the.log");
    await writeFile(logPath, "one\ntwo\nthree\n");
    const registry = new Registry();
    new Counter({ name: "of_the_agent_total", help: "A.", registers: [registry] }).inc(3);
    const served = await openKubeletApi({
      kube,
      nodeName: NODE,
      addresses: () => [address],
      port: 0,
      clientCa: await readFile(cluster.clientCaFile, "utf8"),
      stateDirectory: folder,
      pods: () => pods,
      logPathOf: (namespace, pod, container) =>
        namespace === "default" && pod === "chat" && container === CONTAINER ? logPath : undefined,
      status: () =>
        aStatus(
          pods.map(({ metadata: { uid = "" } }) =>
            aWorkloadStatus("default/chat", { id: uid, ...(pid !== undefined && { pid }), measuredBytes: 2 ** 20 }),
          ),
        ),
      registry,
      cpuSeconds: async () => 1,
      say: () => {},
    });
    assert(served.ok, served.ok ? "" : served.error);
    api = served.value;
    running = api.runnables.map((runnable) => runnable.run(stop.signal));
    await register();
  });

  after(async () => {
    stop.abort();
    await Promise.all(running);
    await kube?.close();
    await cluster?.stop();
  });

  async function register(): Promise<void> {
    const node = await kube.create(KINDS.node, { apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
    assert(node.ok, node.ok ? "" : node.error);
    const status = {
      addresses: [{ type: "InternalIP", address }],
      daemonEndpoints: { kubeletEndpoint: { Port: api.port } },
    };
    const patched = await kube.patch(KINDS.node, { name: NODE }, { status }, { type: "merge", subresource: "status" });
    assert(patched.ok, patched.ok ? "" : patched.error);
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "chat", namespace: "default" },
      spec: {
        nodeName: NODE,
        containers: [{ name: CONTAINER, image: "weights.llmkube.dev/0:held", imagePullPolicy: "Never" }],
        tolerations: [{ operator: "Exists" }],
      },
    };
    await cluster.kubectl(["apply", "-f", "-"], { input: [pod] });
    pods = [(await cluster.read("pod", "chat")) as KubeObject];
  }

  it("shows the log to kubectl logs, whole and its end", async () => {
    assert.equal(await cluster.kubectl(["logs", "chat"]), "one\ntwo\nthree");
    assert.equal(await cluster.kubectl(["logs", "chat", "--tail=1"]), "three");
    assert.equal(await cluster.kubectl(["logs", "chat", "--limit-bytes=5"]), "one\nt");
    await assert.rejects(cluster.kubectl(["logs", "chat", "--previous"]), /its server was not started before that/);
    await assert.rejects(cluster.kubectl(["logs", "chat", "--timestamps"]), /there are no timestamps: llama-server/);
  });

  it("goes on with kubectl logs -f until the pod's server has ended", async () => {
    const kubectl = await ensureTool("kubectl");
    const following = execa(kubectl, [`--kubeconfig=${cluster.kubeconfigPath}`, "logs", "-f", "chat"], {
      timeout: 30_000,
    });
    let seen = "";
    following.stdout.on("data", (text) => (seen += text));
    await untilTrue(
      "the log is there",
      () => seen,
      (text) => text.includes("three"),
    );
    await appendFile(logPath, "four\n");
    await untilTrue(
      "the new line is there",
      () => seen,
      (text) => text.includes("four"),
    );
    await appendFile(logPath, "the end\n");
    pid = undefined;
    const { exitCode, stdout } = await following;
    pid = process.pid;
    assert.deepEqual([exitCode, stdout.split("\n").at(-1)], [0, "the end"]);
  });

  it("shows metrics and the summary through the proxy of the Node", async () => {
    const raw = (path: string) => cluster.kubectl(["get", "--raw", `/api/v1/nodes/${NODE}/proxy${path}`]);
    assert.match(await raw("/metrics"), /^of_the_agent_total 3$/m);
    assert.match(
      await raw("/metrics/resource"),
      new RegExp(`^pod_memory_working_set_bytes\\{namespace="default",pod="chat"\\} ${2 ** 20}$`, "m"),
    );
    const summary = JSON.parse(await raw("/stats/summary"));
    assert.equal(summary.pods[0].podRef.name, "chat");
    await assert.rejects(raw("/nothing"), /NotFound/);
  });

  it("tells kubectl exec in one sentence that there is no container", async () => {
    await assert.rejects(
      cluster.kubectl(["exec", "chat", "--", "true"]),
      /exec is not possible: llama-server is a process of the Mac itself/,
    );
  });

  it("is not for a ServiceAccount without the right, and is for one with it", async () => {
    await cluster.kubectl(["create", "serviceaccount", "scraper"]);
    const token = await cluster.kubectl(["create", "token", "scraper"]);
    const get = async (path: string, bearer: string) => {
      const answer = await ask(api.port, path, { token: bearer });
      return [answer.statusCode, await textOf(answer)] as const;
    };
    const logs = `/containerLogs/default/chat/${CONTAINER}`;
    const [status, text] = await get(logs, token);
    assert.equal(status, 403);
    assert.match(text, /^system:serviceaccount:default:scraper may not get nodes\/proxy of node mac-1/);
    assert.equal((await get(logs, randomUUID()))[0], 401);
    await cluster.kubectl(["create", "clusterrole", "scrape", "--verb=get", "--resource=nodes/metrics"]);
    await cluster.kubectl([
      "create",
      "clusterrolebinding",
      "scrape",
      "--clusterrole=scrape",
      "--serviceaccount=default:scraper",
    ]);
    await untilTrue(
      "the metrics are shown",
      () => get("/metrics", token),
      ([code]) => code === 200,
      { timeoutMs: 45_000, everyMs: 1000 },
    );
    assert.equal((await get(logs, token))[0], 403);
  });

  it("cannot be told the client CA by the cluster, so that it has to be given", async () => {
    const ref = { namespace: "kube-system", name: "extension-apiserver-authentication" };
    const asked = await kube.get(KINDS.configMap, ref);
    assert.equal(asked.ok ? "found" : asked.kind, "forbidden");
  });

  it("shows a certificate of the cluster once somebody has approved it, without a pause", async () => {
    const [note = ""] = api.notes();
    assert.match(note, /signed by itself.*kubectl certificate approve llmkube-serving-/);
    const name = /approve (\S+)$/.exec(note)?.[1] ?? "";
    await cluster.kubectl(["certificate", "approve", name]);
    await untilTrue(
      "the note is gone",
      () => api.notes(),
      (notes) => notes.length === 0,
    );
    const ca = await readFile(cluster.clientCaFile);
    const socket = connect({ host: address, port: api.port, ca });
    await once(socket, "secureConnect");
    assert.equal(socket.authorized, true);
    assert.deepEqual({ ...socket.getPeerCertificate().subject }, { O: "system:nodes", CN: `system:node:${NODE}` });
    socket.destroy();
    assert.match(await cluster.kubectl(["logs", "chat", "--tail=1"]), /./);
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { Counter, Registry } from "@prometheus-io/client";
import { openKubeletApi } from "../../../agent/kubelet-api/kubelet-api.ts";
import { makeAuthority } from "../../support/cluster/certificates.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus } from "../http/recorded.ts";
import { ADMIN, LOGS, POD, type Served, serve } from "./serve.ts";

describe("the kubelet API", () => {
  let served: Served;
  afterEach(async () => served.close());

  describe("who may", () => {
    beforeEach(async () => {
      served = await serve();
      await writeFile(served.logPath, "one\ntwo\n");
    });

    it("is nobody without credentials, but for its health", async () => {
      for (const path of [
        LOGS,
        "/metrics",
        "/metrics/resource",
        "/stats/summary",
        "/pods",
        "/",
        "/nothing",
        "/exec/a/b/c",
      ]) {
        const { status, headers, text } = await served.get(path);
        assert.equal(status, 401, path);
        assert.equal(headers["www-authenticate"], "Bearer");
        assert.doesNotMatch(text, /two|chat/);
      }
      assert.deepEqual(served.kube.asked, []);
      assert.equal((await served.get("/healthz")).text, "ok\n");
    });

    it("is a certificate of the client CA: CN is the user, each O a group", async () => {
      const identity = await served.authority.issue("api-server", "CN=kube-apiserver-kubelet-client, O=a, O=b");
      served.kube.rights.add("kube-apiserver-kubelet-client get proxy");
      const { status, text } = await served.get(LOGS, { identity });
      assert.deepEqual([status, text], [200, "one\ntwo\n"]);
      assert.deepEqual(served.kube.asked, ["SubjectAccessReview kube-apiserver-kubelet-client get proxy"]);
    });

    it("is not a certificate of anybody else's CA, whatever it says", async () => {
      const other = await makeAuthority(await temporaryDirectory(), "client-ca");
      const identity = await other.issue("impostor", "CN=admin, O=system:masters");
      assert.equal((await served.get(LOGS, { identity })).status, 401);
      assert.equal((await served.get(LOGS, { identity: other })).status, 401);
      const stranger = await (await makeAuthority(await temporaryDirectory(), "other")).issue("x", "CN=admin");
      assert.equal((await served.get(LOGS, { identity: stranger })).status, 401);
      // A token is still looked at.
      assert.equal((await served.get(LOGS, { identity: stranger, token: ADMIN })).status, 200);
    });

    it("is everybody who was, while impostors try", async () => {
      const other = await makeAuthority(await temporaryDirectory(), "client-ca");
      const impostor = await other.issue("impostor", "CN=admin");
      const rounds = Array.from({ length: 30 }, async (_, index) => {
        // Node.js may end its connection, after the answer or before it.
        const refused = served.get(LOGS, { identity: impostor }).catch(() => ({ status: 401 }));
        const answer = await served.get(LOGS, { token: index % 2 === 0 ? ADMIN : "nobody" });
        return [(await refused).status, answer.status];
      });
      for (const [index, statuses] of (await Promise.all(rounds)).entries()) {
        assert.deepEqual(statuses, [401, index % 2 === 0 ? 200 : 401]);
      }
    });

    it("is a token of the cluster with the right on this node, and no other token", async () => {
      served.kube.users.set("scraper-token", { name: "prometheus", groups: [] });
      served.kube.rights.add("prometheus get metrics");
      const statusOf = async (path: string, token: string, method = "GET") =>
        (await served.get(path, { token, method })).status;
      assert.equal(await statusOf("/metrics", "scraper-token"), 200);
      assert.equal(await statusOf("/metrics/resource", "scraper-token"), 200);
      assert.equal(await statusOf(LOGS, "scraper-token"), 403);
      assert.equal(await statusOf("/pods", "scraper-token"), 403);
      assert.equal(await statusOf("/metrics", "scraper-token", "DELETE"), 403);
      assert.equal(await statusOf("/metrics", "another-token"), 401);
      const { text } = await served.get(LOGS, { token: "scraper-token" });
      assert.equal(text, "prometheus may not get nodes/proxy of node mac-1: grant it by RBAC\n");
    });

    it("is who was allowed before, while the API server is away; everybody else comes again", async () => {
      assert.equal((await served.get("/metrics", { token: ADMIN })).status, 200);
      served.kube.away = true;
      assert.equal((await served.get("/metrics", { token: ADMIN })).status, 200);
      assert.equal((await served.get("/pods", { token: ADMIN })).status, 503);
      assert.equal((await served.get("/metrics", { token: "new" })).status, 503);
      assert.equal(served.said.filter((text) => /^nobody new can read/.test(text)).length, 1);
      served.kube.away = false;
      assert.equal((await served.get("/pods", { token: ADMIN })).status, 200);
    });
  });

  describe("what it answers", () => {
    const registry = new Registry();
    const requests = new Counter({ name: "a_total", help: "A.", registers: [registry] });
    beforeEach(async () => {
      served = await serve({ registry });
    });

    it("is the agent's metrics, and usage as metrics-server reads it", async () => {
      requests.inc();
      const metrics = await served.get("/metrics", { token: ADMIN });
      assert.match(metrics.text, /^a_total [1-9]/m);
      const { text, headers } = await served.get("/metrics/resource", { token: ADMIN });
      assert.match(headers["content-type"] ?? "", /^text\/plain; version=0[.]0[.]4/);
      const pod = `namespace="${POD.namespace}",pod="${POD.name}"`;
      assert.ok(
        text.includes(`container_memory_working_set_bytes{container="llama-server",${pod}} ${2 ** 30}\n`),
        text,
      );
      assert.ok(text.includes(`container_cpu_usage_seconds_total{container="llama-server",${pod}} 12.5\n`), text);
      assert.ok(text.includes(`pod_memory_working_set_bytes{${pod}} ${2 ** 30}\n`), text);
      assert.match(text, new RegExp(`^node_memory_working_set_bytes ${9 * 2 ** 30}$`, "m"));
      assert.ok(Number(/^node_cpu_usage_seconds_total ([\d.]+)$/m.exec(text)?.[1]) > 0);
      assert.doesNotMatch(text, /NaN|undefined|container_start_time_seconds\{/);
    });

    it("is the summary and the pods", async () => {
      const summary = JSON.parse((await served.get("/stats/summary", { token: ADMIN })).text);
      assert.equal(summary.node.nodeName, "mac-1");
      assert.equal(summary.node.memory.workingSetBytes, 9 * 2 ** 30);
      assert.deepEqual(summary.pods[0].podRef, POD);
      assert.equal(summary.pods[0].containers[0].memory.workingSetBytes, 2 ** 30);
      assert.equal(summary.pods[0].cpu.usageCoreNanoSeconds, 12.5e9);
      const pods = JSON.parse((await served.get("/pods", { token: ADMIN })).text);
      assert.equal(pods.kind, "PodList");
      assert.equal(pods.items[0].metadata.name, POD.name);
    });

    it("is one sentence where a container would be entered, and nothing at any other path", async () => {
      for (const path of ["/exec/a/b/c", "/run/a/b/c", "/attach/a/b/c", "/portForward/a/b"]) {
        const { status, text } = await served.get(path, { token: ADMIN, method: "POST" });
        assert.equal(status, 405);
        assert.match(text, /^\w+ is not possible: llama-server is a process of the Mac itself/);
      }
      for (const path of ["/nothing", "/logs/system.log", "/containerLogs/a/b", "/containerLogs/a/b/c/d", "/configz"]) {
        assert.equal((await served.get(path, { token: ADMIN })).status, 404, path);
      }
      assert.equal((await served.get("/metrics", { token: ADMIN, method: "PUT" })).status, 405);
      assert.equal((await served.get("/metrics", { token: ADMIN, method: "HEAD" })).text, "");
    });

    it("locks answers down", async () => {
      const { headers } = await served.get("/metrics", { token: ADMIN });
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["cache-control"], "no-store");
      assert.match(String(headers["content-security-policy"]), /default-src 'none'/);
    });

    it("finds no file by a name, however it is written", async () => {
      await writeFile(join(served.folder, "secret"), "the secret");
      for (const path of [
        "/containerLogs/../../secret",
        "/containerLogs/team/..%2f..%2fsecret/llama-server",
        "/containerLogs/team/../llama-server",
        `/containerLogs/team/${POD.name}/llama-server%00`,
        "//containerLogs/team/x/y",
        `${LOGS}/`,
        `/metrics/../containerLogs/team/${POD.name}/llama-server`,
        `/x${"y".repeat(9000)}`,
      ]) {
        const { status, text } = await served.get(path, { token: ADMIN });
        assert.ok(status === 400 || status === 404 || status === 431, `${path}: ${status}`);
        assert.doesNotMatch(text, /the secret/);
      }
      assert.equal((await served.get("/containerLogs/team/other/llama-server", { token: ADMIN })).status, 404);
    });
  });

  it("is not healthy once the agent is stuck", async () => {
    served = await serve({ status: () => aStatus([], { updatedAt: new Date(Date.now() - 60_000).toISOString() }) });
    const { status, text } = await served.get("/healthz");
    assert.deepEqual([status, text], [503, "the last tick was 60 s ago\n"]);
  });

  it("believes no certificate where there is no client CA, not even one of the public web", async () => {
    served = await serve({ clientCa: undefined });
    const identity = await served.authority.issue("admin", "CN=admin");
    assert.equal((await served.get("/metrics", { identity })).status, 401);
    assert.equal((await served.get("/metrics", { token: ADMIN })).status, 200);
  });

  it("speaks TLS 1.2 and later, and nothing without TLS", async () => {
    served = await serve();
    const old = connect({
      port: served.api.port,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      rejectUnauthorized: false,
    });
    await assert.rejects(new Promise((resolve, reject) => old.on("error", reject).on("secureConnect", resolve)));
    await assert.rejects(fetch(`http://127.0.0.1:${served.api.port}/healthz`));
  });

  it("keeps its key to itself, and shows the same certificate after a restart", async () => {
    served = await serve();
    const key = join(served.folder, "kubelet-api", "serving.key");
    assert.equal((await stat(key)).mode & 0o777, 0o600);
    const before = await certificateOf(served);
    const { folder } = served;
    await served.close();
    served = await serve({ stateDirectory: folder });
    assert.equal(await certificateOf(served), before);
  });

  it("says in one sentence what is wrong", async () => {
    served = await serve();
    const options = { ...(await optionsOf(served)), port: served.api.port };
    const taken = await openKubeletApi(options);
    assert.equal(
      taken.ok ? "" : taken.error,
      `port ${served.api.port} cannot be had for the kubelet API (the port is in use): name another one`,
    );
    const noCa = await openKubeletApi({ ...options, clientCa: "not PEM" });
    assert.match(noCa.ok ? "" : noCa.error, /^the client CA of the kubelet API is no certificate in PEM/);
    const file = join(served.folder, "a-file");
    await writeFile(file, "");
    const noFolder = await openKubeletApi({ ...options, port: 0, stateDirectory: file });
    assert.match(noFolder.ok ? "" : noFolder.error, /^the key of the kubelet API cannot be kept at .*ENOTDIR/);
  });
});

async function certificateOf({ api }: Served): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: api.port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

async function optionsOf({ kube, authority, folder, logPath, said }: Served) {
  return {
    ...{ kube, nodeName: "mac-1", addresses: () => ["127.0.0.1"], host: "127.0.0.1", stateDirectory: folder },
    clientCa: await readFile(authority.certFile, "utf8"),
    pods: () => [],
    logPathOf: () => logPath,
    status: () => undefined,
    registry: new Registry(),
    cpuSeconds: async () => null,
    say: (message: string) => said.push(message),
  };
}

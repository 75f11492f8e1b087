import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { FIELD_MANAGERS, MAC_TAINT, NODES_GROUP, nodeUser, SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { countRequests } from "../support/cluster/audit.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { untilTrue } from "../support/cluster/until.ts";

describe("toolchain: a whole control plane", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;

  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster?.stop());

  it("has the CRDs", async () => {
    const names = await cluster.kubectl(["get", "models,inferenceservices", "-A"]);
    assert.equal(names, "");
  });

  it("schedules a pod of a Deployment onto a Node that has room", async () => {
    const kubeconfig = await cluster.asMac("mac-1");
    await cluster.kubectl(["create", "-f", "-"], { kubeconfig, input: [nodeOf("mac-1")] });
    await cluster.kubectl(["patch", "node", "mac-1", "--subresource=status", "-p", JSON.stringify(readyStatus())]);
    await cluster.kubectl(["apply", "-f", "-"], { input: [deployment()] });
    const bound = () =>
      cluster.kubectl(["get", "pods", "-l", "app=placed", "-o", "jsonpath={.items[*].spec.nodeName}"]);
    await untilTrue("the pod is bound", bound, (nodes) => nodes === "mac-1");
  });

  it("holds a Mac to its own node", async () => {
    const kubeconfig = await cluster.asMac("mac-2");
    const refused = cluster.kubectl(["create", "-f", "-"], { kubeconfig, input: [nodeOf("mac-3")] });
    await assert.rejects(refused, /node "mac-2" is not allowed to modify node "mac-3"/);
  });

  it("counts requests by whose rights they used", async () => {
    const fromMs = cluster.audit.now();
    const kubeconfig = await cluster.asMac("mac-1");
    await cluster.kubectl(["get", "node", "mac-1"], { kubeconfig });
    const requests = await cluster.audit.requests({ fromMs, user: nodeUser("mac-1") });
    assert.equal(countRequests(requests)[`${nodeUser("mac-1")} get nodes`], 1);
  });

  it("signs the certificate request of a kubelet once it is approved", async () => {
    const kubeconfig = await cluster.asMac("mac-1");
    await cluster.kubectl(["create", "-f", "-"], { kubeconfig, input: [await servingRequest("mac-1")] });
    await cluster.kubectl(["certificate", "approve", "mac-1"]);
    const certificate = () => cluster.kubectl(["get", "csr", "mac-1", "-o", "jsonpath={.status.certificate}"]);
    const base64 = await untilTrue("the certificate is there", certificate, (text) => text !== "");
    const { subject } = new X509Certificate(Buffer.from(base64, "base64"));
    assert.match(subject, /CN=system:node:mac-1/);
  });

  it("comes back with its objects after the API server was killed", async () => {
    await cluster.apiServer.kill();
    await assert.rejects(cluster.kubectl(["get", "nodes", "--request-timeout=2s"]));
    await cluster.apiServer.start();
    assert.match(await cluster.kubectl(["get", "nodes"]), /mac-1/);
    assert.match(await cluster.kubectl(["get", "sa", "-n", SYSTEM_NAMESPACE]), /mac-mac-1/);
  });
});

function nodeOf(name: string) {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/os": "darwin", "kubernetes.io/hostname": name } },
    spec: { taints: [MAC_TAINT] },
  };
}

/** A CSR as a kubelet makes it for the certificate that it serves with. */
async function servingRequest(nodeName: string) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${nodeUser(nodeName)}, O=${NODES_GROUP}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: "ip", value: "10.99.0.1" }])],
  });
  return {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name: nodeName },
    spec: {
      request: Buffer.from(request.toString("pem")).toString("base64"),
      signerName: "kubernetes.io/kubelet-serving",
      usages: ["digital signature", "server auth"],
    },
  };
}

function readyStatus() {
  const resources = { cpu: "8", memory: "16Gi", pods: "20" };
  return {
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [{ type: "Ready", status: "True", reason: "AgentReady", message: FIELD_MANAGERS.agent }],
    },
  };
}

function deployment() {
  const labels = { app: "placed" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "placed", namespace: "default" },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { "kubernetes.io/os": "darwin" },
          tolerations: [{ key: MAC_TAINT.key, operator: "Exists" }],
          containers: [
            {
              name: "llama-server",
              image: "weights.llmkube.dev/0123:held",
              imagePullPolicy: "Never",
              resources: { requests: { memory: "6Gi" } },
            },
          ],
        },
      },
    },
  };
}

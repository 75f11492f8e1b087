import assert from "node:assert/strict";
import * as z from "zod";
import { CONTROLLER } from "../../../cluster/index.ts";
import { KINDS } from "../../../kube/kinds.ts";
import { accessOf, macNode, mustSucceed } from "../../identity/support.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { inProcess } from "../../support/in-process.ts";

const checksSchema = z.array(
  z.object({ name: z.string(), state: z.string(), found: z.string(), remedy: z.string().optional() }),
);

describe("pulumi-llmkube doctor --cluster, on a real API server", function () {
  this.timeout(60_000);
  let cluster: Cluster;

  const doctor = async (kubeconfig: string) => {
    const { stdout, stderr, exitCode } = await inProcess("doctor", "--cluster", "--json", "--kubeconfig", kubeconfig);
    assert.equal(stderr, "");
    const checks = new Map(checksSchema.parse(JSON.parse(stdout)).map((check) => [check.name, check]));
    const states = Object.fromEntries([...checks].map(([name, { state }]) => [name, state]));
    return { checks, states, exitCode };
  };

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    cluster = await startCluster({ crds: false, schedulerAndControllers: false });
  });
  after(() => cluster?.stop());

  it("names what a bare cluster lacks", async () => {
    const { checks, states, exitCode } = await doctor(cluster.kubeconfigPath);
    assert.equal(exitCode, 1);
    assert.deepEqual(states, {
      "API server": "warning",
      definitions: "failed",
      rights: "failed",
      "admission policies": "failed",
      "their bindings": "failed",
      PriorityClasses: "failed",
      controller: "failed",
      Macs: "warning",
      DaemonSets: "ok",
      "certificates of Macs": "ok",
    });
    assert.match(checks.get("rights")?.found ?? "", /may not get models, .*patch models\/status/);
    assert.match(
      checks.get("admission policies")?.found ?? "",
      /missing: pulumi-llmkube-pods, pulumi-llmkube-workloads/,
    );
  });

  it("has nothing to fail once the manifests are there, and names a DaemonSet with the fix", async () => {
    await cluster.installFleet();
    const mac = (await accessOf(await cluster.asMac("mac-1"))).client();
    mustSucceed(await mac.create(KINDS.node, macNode("mac-1")));
    await mac.close();
    const now = new Date().toISOString().replace("Z", "000Z");
    const holder = { holderIdentity: "one", renewTime: now, acquireTime: now, leaseDurationSeconds: 15 };
    const template = {
      metadata: { labels: { app: "logs" } },
      spec: { tolerations: [{ operator: "Exists" }], containers: [{ name: "c", image: "none:1" }] },
    };
    await cluster.kubectl(["create", "-f", "-"], {
      input: [
        {
          apiVersion: "coordination.k8s.io/v1",
          kind: "Lease",
          metadata: { name: CONTROLLER, namespace: "pulumi-llmkube" },
          spec: holder,
        },
        {
          apiVersion: "apps/v1",
          kind: "DaemonSet",
          metadata: { name: "logs", namespace: "kube-system" },
          spec: { selector: { matchLabels: { app: "logs" } }, template },
        },
      ],
    });
    const { checks, states, exitCode } = await doctor(cluster.kubeconfigPath);
    assert.deepEqual(
      Object.entries(states).filter(([, state]) => state !== "ok"),
      [
        ["Macs", "warning"],
        ["DaemonSets", "warning"],
      ],
    );
    assert.equal(exitCode, 0);
    assert.match(checks.get("Macs")?.found ?? "", /not Ready: mac-1/);
    assert.match(checks.get("DaemonSets")?.found ?? "", /^kube-system\/logs: /);
  });

  it("says with a Mac's kubeconfig what that Mac may do, and skips what it may not see", async () => {
    const { checks, states, exitCode } = await doctor(await cluster.asMac("mac-1"));
    assert.equal(exitCode, 0, JSON.stringify([...checks.values()]));
    assert.equal(states["rights"], "ok");
    assert.match(checks.get("rights")?.found ?? "", /^system:node:mac-1 has all/);
    assert.equal(states["DaemonSets"], "skipped");
  });

  const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [["--cluster", "--kubeconfig", "/no/such/file"], /\/no\/such\/file: there is no such file/],
    [["--kubeconfig", "/no/such/file"], /--kubeconfig is about a cluster: give --cluster too/],
  ];
  for (const [args, says] of wrong) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { stderr, exitCode } = await inProcess("doctor", ...args);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
    });
  }
});

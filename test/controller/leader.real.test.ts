import assert from "node:assert/strict";
import { execa } from "execa";
import { CONTROLLER, controllerManifests } from "../../cluster/index.ts";
import type { TestServer } from "../gguf/range-server.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../support/cluster/cluster.ts";
import { startFaultProxy } from "../support/cluster/fault-proxy.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { CLI } from "../support/run-cli.ts";
import { installController, type RunningController, serveWeights, startController } from "./support/running.ts";

describe("which controller leads", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let weights: TestServer;

  before(async () => {
    [cluster, weights] = await Promise.all([startCluster({ schedulerAndControllers: false }), serveWeights()]);
    await installController(cluster);
  });
  after(async () => {
    await Promise.all([cluster?.stop(), weights?.stop()]);
  });

  const holderOf = (namespace: string) =>
    cluster.kubectl(["get", "lease", CONTROLLER, "-n", namespace, "-o", "jsonpath={.spec.holderIdentity}"]);
  const lastLine = ({ lines }: RunningController, said: RegExp) => lines.findLastIndex((line) => said.test(line));

  for (const [what, flags, variables] of [
    ["POD_NAMESPACE", [], { POD_NAMESPACE: "elsewhere" }],
    ["--lease-namespace", ["--lease-namespace=elsewhere"], {}],
  ] as const) {
    it(`holds its Lease in the namespace of the installation, by ${what}`, async () => {
      const objects = controllerManifests({ namespace: "elsewhere", crds: false });
      await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input: objects });
      const kubeconfig = await cluster.asServiceAccount("elsewhere", CONTROLLER);
      const args = [CLI, "controller", `--kubeconfig=${kubeconfig}`, "--listen=off", ...flags];
      const running = execa(process.execPath, args, { env: variables, reject: false, all: true });
      try {
        await untilTrue(
          "it leads there",
          () => holderOf("elsewhere"),
          (holder) => holder !== "",
          { timeoutMs: 60_000 },
        );
      } finally {
        running.kill("SIGTERM");
      }
      const { all } = await running;
      assert.match(all, /leading as/);
      assert.doesNotMatch(all, /forbidden/);
      await installController(cluster);
    });
  }

  it("stops working when its renewals get no answer, before another one begins, and begins nothing when it is back", async () => {
    const proxy = await startFaultProxy(cluster.server);
    const a = await startController(cluster, { leaderElection: true }, { server: proxy.server });
    const leads = (one: RunningController) => () => lastLine(one, /are known/) >= 0;
    let b: RunningController | undefined;
    try {
      await untilTrue("the first leads", leads(a), Boolean, { timeoutMs: 40_000 });
      b = await startController(cluster, { leaderElection: true });
      await proxy.set("black-hole");
      const lostBeforeOther = await untilTrue(
        "the first has lost it, or the second leads",
        () => [lastLine(a, /the lead is lost/) >= 0, b !== undefined && lastLine(b, /leading as/) >= 0] as const,
        ([lost, other]) => lost || other,
        { timeoutMs: 60_000 },
      );
      assert.deepEqual(lostBeforeOther, [true, false]);
      await untilTrue("the second leads", leads(b), Boolean, { timeoutMs: 60_000 });
      await proxy.set("pass");
      await cluster.kubectl(["apply", "-f", "-"], {
        input: [model({ name: "one", source: `${weights.origin}/m.gguf` }), service({ name: "one" })],
      });
      const made = () => cluster.kubectl(["get", "deployment", "one", "-o", "name"]);
      await untilTrue("the second works", made, (name) => name !== "", { timeoutMs: 60_000 });
      assert.equal(
        a.lines.slice(lastLine(a, /the lead is lost/)).some((line) => /leading as|InferenceService/.test(line)),
        false,
      );
    } finally {
      await Promise.allSettled([a.stop(), b?.stop()]);
      await proxy.close();
    }
  });
});

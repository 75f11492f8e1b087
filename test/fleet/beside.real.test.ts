import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { CONTROL_PLANE_TIMEOUT_MS } from "../support/cluster/cluster.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";

describe("A fleet of Macs: beside other things of a cluster", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet({ macs: ["mac-a", "mac-b"].map((name) => ({ name, hostMemory: "2Gi" })) });
  });
  after(() => fleet?.stop());
  reportFailures(() => fleet);

  it("leaves the pods of a DaemonSet that tolerates everything unstarted, says why once, and lets them go", async () => {
    await fleet.apply(daemonSet());
    const look = () =>
      fleet.cluster.kubectl([
        "get",
        "pods",
        "-lapp=everywhere",
        "-o",
        `jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}{.items[*].status.reason}`,
      ]);
    await untilTrue("both say why they do not run", look, (text) => text !== "");
    const versions = () =>
      fleet.cluster.kubectl(["get", "pods", "-lapp=everywhere", "-o", "jsonpath={.items[*].metadata.resourceVersion}"]);
    const before = await versions();
    await sleep(5000);
    assert.equal(await versions(), before, "nothing is written again");
    await fleet.cluster.kubectl(["delete", "daemonset", "everywhere", "--timeout=60s"]);
    await untilTrue("they are gone", look, (text) => text === "");
  });

  it("keeps to the quota of a namespace, and says so in the InferenceService", async () => {
    await fleet.cluster.kubectl(["create", "namespace", "team"]);
    await fleet.cluster.kubectl(["create", "quota", "memory", "--hard=requests.memory=700Mi", "-n", "team"]);
    const inTeam = (object: object) => ({ ...object, metadata: { ...Object(object).metadata, namespace: "team" } });
    for (const name of ["first", "second"]) {
      await fleet.apply(
        inTeam(model({ name, source: fleet.weights.url("team"), budget: "768Mi" })),
        inTeam(service({ name })),
      );
      await untilTrue(
        `the Deployment of ${name} is there`,
        () => fleet.cluster.kubectl(["get", "deployment", name, "-n", "team", "-o", "name"]),
        (text) => text !== "",
      );
      if (name === "first") await fleet.untilReady("first", 1);
    }
    const status = () =>
      fleet.cluster.kubectl(["get", "inferenceservice", "second", "-n", "team", "-o", "jsonpath={.status}"]);
    await untilTrue("the second one names the quota", status, (text) => /exceeded quota: memory/.test(text));
    assert.deepEqual(await fleet.pods("second"), []);
    await fleet.cluster.kubectl(["delete", "inferenceservice", "first", "-n", "team"]);
    await fleet.untilReady("second", 1);
    await fleet.cluster.kubectl(["delete", "namespace", "team", "--timeout=120s"]);
  });

  it("leaves nothing behind of what is deleted in whatever phase", async () => {
    const moments: readonly [string, () => Promise<unknown>][] = [
      ["at once", async () => {}],
      ["bound", () => fleet.untilPods("brief", "it is bound", (pods) => pods.some(({ node }) => node !== ""))],
      ["begun", () => untilTrue("a server runs", allServers, (pids) => pids.length > 0, { everyMs: 20 })],
      ["ready", () => fleet.untilReady("brief", 2)],
    ];
    for (const [, moment] of moments) {
      await fleet.apply(
        model({ name: "brief", source: fleet.weights.url("brief"), budget: "768Mi" }),
        service({ name: "brief", replicas: 2 }),
      );
      await moment();
      await fleet.cluster.kubectl(["delete", "inferenceservice,model", "brief"]);
      await fleet.untilPods("brief", "no pod is left", (pods) => pods.length === 0);
      await untilTrue("no server is left", allServers, (pids) => pids.length === 0);
    }
    const left = await fleet.cluster.kubectl(["get", "deployments,services,endpointslices,secrets,pdb", "-o", "name"]);
    assert.doesNotMatch(left, /brief/);
  });

  async function allServers(): Promise<readonly number[]> {
    return (await Promise.all([...fleet.macs.values()].map((mac) => mac.servers()))).flat();
  }
});

/** As those of many log collectors and network plugins are. */
function daemonSet(): object {
  const labels = { app: "everywhere" };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "everywhere" },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          tolerations: [{ operator: "Exists" }],
          containers: [
            { name: "collector", image: "example.com/collector:1", command: ["/bin/sh", "-c", "touch /tmp/never"] },
          ],
        },
      },
    },
  };
}

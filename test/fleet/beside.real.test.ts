import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { standIn } from "../agent/stand-in.ts";
import { CONTROL_PLANE_TIMEOUT_MS } from "../support/cluster/cluster.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";

describe("A fleet of Macs: beside other things of a cluster", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet({
      macs: ["mac-a", "mac-b"].map((name) => ({ name, hostMemory: "2Gi" })),
      // What is shown here is about pods and processes, whatever they compute.
      llamaServer: await standIn("well"),
    });
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

  it("runs nothing of a pod that somebody forged, whether or not the admission policy is there", async () => {
    await fleet.apply(
      model({ name: "real", source: fleet.weights.url("real"), budget: "768Mi" }),
      service({ name: "real" }),
    );
    await fleet.untilReady("real", 1);
    const [real] = await fleet.pods("real");
    assert(real);
    const template = podShape.parse(await fleet.cluster.read("pod", real.name));
    const [owner] = template.metadata.ownerReferences;
    const proof = join(await temporaryDirectory(), "it-ran");
    const forged = {
      "with-command": forge(template, "with-command", { command: ["/bin/sh", "-c", `touch ${proof}`] }),
      "of-no-owner": forge(template, "of-no-owner", {}, { ...owner, uid: "11111111-2222-3333-4444-555555555555" }),
      "of-the-owner": forge(template, "of-the-owner", {}),
    };
    for (const pod of Object.values(forged)) {
      await assert.rejects(fleet.apply(pod), /may come from a ReplicaSet only: create an InferenceService/);
    }
    await fleet.cluster.kubectl(["delete", "validatingadmissionpolicybindings", "--all"]);
    // The API server forgets a policy within seconds.
    const made = async () => {
      await fleet.apply(forged["with-command"]);
      return fleet.apply(forged["of-no-owner"], forged["of-the-owner"]);
    };
    await untilTrue("the API server takes them", made, () => true);
    // Kubernetes' own controllers remove what is one too many, and what has no owner.
    await fleet.untilPods("real", "only the real one is left", (pods) => {
      return pods.length === 1 && pods.every(({ uid, ready, restarts }) => uid === real.uid && ready && restarts === 0);
    });
    await untilTrue("only its server is left", allServers, (pids) => pids.length === 1);
    assert.equal(existsSync(proof), false);
    await fleet.cluster.installFleet();
    await fleet.remove("real");
  });

  async function allServers(): Promise<readonly number[]> {
    return (await Promise.all([...fleet.macs.values()].map((mac) => mac.servers()))).flat();
  }
});

const podShape = z.looseObject({
  metadata: z.looseObject({ ownerReferences: z.array(z.looseObject({})) }),
  spec: z.looseObject({ containers: z.tuple([z.looseObject({})]) }),
});

/** A pod like a real one at another port, on a Mac already, with changes that the controller would not make. */
function forge(
  { metadata, spec, ...rest }: z.output<typeof podShape>,
  name: string,
  change: object,
  owner: object = metadata.ownerReferences[0] ?? {},
): object {
  const { labels, annotations } = metadata;
  const containers = [
    { ...spec.containers[0], ports: [{ name: "http", containerPort: 9999, hostPort: 9999 }], ...change },
  ];
  return {
    ...rest,
    status: undefined,
    metadata: { name, labels, annotations, ownerReferences: [owner] },
    spec: { ...spec, containers },
  };
}

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

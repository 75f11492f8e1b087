import assert from "node:assert/strict";
import { standIn } from "../agent/stand-in.ts";
import { CONTROL_PLANE_TIMEOUT_MS } from "../support/cluster/cluster.ts";
import { startMac } from "../support/cluster/mac.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";

const NODE_GRACE_SECONDS = 16;
/** The grace of the node, a second of looking, and a busy machine. */
const NOTICED_MS = (NODE_GRACE_SECONDS + 12) * 1000;

describe("A fleet of Macs: Macs come and go", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet({
      macs: ["mac-a", "mac-b"].map((name) => ({ name, hostMemory: "2Gi" })),
      // What is shown here is about pods and processes, whatever they compute.
      llamaServer: await standIn("well"),
      cluster: { nodeGraceSeconds: NODE_GRACE_SECONDS },
    });
    await fleet.apply(
      model({ name: "chat", source: fleet.weights.url("chat"), budget: "768Mi" }),
      service({ name: "chat" }),
    );
  });
  after(() => fleet?.stop());
  reportFailures(() => fleet);

  /** The Mac that serves, the other one, and the one server. */
  async function serving() {
    const [node = ""] = await fleet.untilReady("chat", 1);
    const [pod] = await fleet.pods("chat");
    const mac = fleet.mac(node);
    const other = fleet.mac(node === "mac-a" ? "mac-b" : "mac-a");
    assert(pod);
    return { mac, other, pod, servers: await mac.servers() };
  }

  it("goes on with the same server and pod after its agent was killed and started again", async () => {
    const { mac, pod, servers } = await serving();
    assert.equal(servers.length, 1);
    await mac.endAgent();
    mac.start();
    await untilTrue("the Lease is renewed", () => renewals(mac.name), changed(await renewals(mac.name)));
    const after = await serving();
    assert.deepEqual([after.pod.uid, after.pod.restarts, after.servers], [pod.uid, 0, servers]);
  });

  it("refuses a second agent under the name of a node that has one", async () => {
    const { mac, servers } = await serving();
    const second = await startMac({
      name: mac.name,
      number: 99,
      kubeconfig: await fleet.cluster.asMac(mac.name),
      llamaServer: fleet.llamaServer,
      hostMemory: "2Gi",
    });
    await untilTrue(
      "the second agent has ended",
      () => second.agentPid() ?? "ended",
      (pid) => pid === "ended",
    );
    assert.match(await second.lastLines(), new RegExp(mac.name));
    await second.die();
    assert.deepEqual((await serving()).servers, servers);
  });

  it("registers again when somebody deletes its Node, and touches no server", async () => {
    const { mac, pod, servers } = await serving();
    const uid = () => fleet.cluster.kubectl(["get", "node", mac.name, "-o", "jsonpath={.metadata.uid}"]);
    const before = await uid();
    await fleet.cluster.kubectl(["delete", "node", mac.name]);
    await untilTrue("there is another Node of that name", uid, (now) => now !== before && now !== "");
    const after = await serving();
    assert.deepEqual([after.pod.uid, after.servers], [pod.uid, servers]);
  });

  it("moves nothing from a Mac that is cordoned, and puts nothing on it", async () => {
    const { mac, other, pod } = await serving();
    await fleet.cluster.kubectl(["cordon", mac.name]);
    await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=2"]);
    await fleet.untilReady("chat", 2);
    const pods = await fleet.pods("chat");
    assert.deepEqual(pods.find(({ uid }) => uid === pod.uid)?.node, mac.name);
    assert.deepEqual(pods.find(({ uid }) => uid !== pod.uid)?.node, other.name);
    await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=1"]);
    await fleet.untilReady("chat", 1);
    await fleet.cluster.kubectl(["uncordon", mac.name]);
  });

  it("is emptied by kubectl drain", async () => {
    const { mac, other } = await serving();
    await fleet.cluster.kubectl(["drain", mac.name, "--timeout=60s"]);
    assert.deepEqual(await fleet.untilReady("chat", 1), [other.name]);
    assert.deepEqual(await mac.servers(), []);
    await fleet.cluster.kubectl(["uncordon", mac.name]);
  });

  it("is not routed to any more within the time of its Lease when it dies, and its model moves", async () => {
    const { mac, other, pod } = await serving();
    await mac.die();
    await untilTrue(
      "no endpoint on the dead Mac is ready",
      () => fleet.endpoints("chat"),
      (seen) => seen.every(({ node, ready }) => node !== mac.name || !ready),
      { timeoutMs: NOTICED_MS },
    );
    await fleet.untilPods(
      "chat",
      "a replica is ready on the other Mac",
      (pods) => pods.some(({ node, ready }) => node === other.name && ready),
      { timeoutMs: 150_000 },
    );
    mac.start();
    await fleet.untilPods("chat", "the pod of the dead Mac is finished", (pods) =>
      pods.every(({ uid }) => uid !== pod.uid),
    );
    assert.deepEqual(await mac.servers(), []);
  });

  it("is another node after it was renamed, which ends what ran under the old name", async () => {
    const { mac, pod, servers } = await serving();
    const name = "mac-renamed";
    await mac.endAgent();
    mac.start({ name, kubeconfig: await fleet.cluster.asMac(name) });
    // What ran for a node of another name is not this one's; the model is served again once the old node is removed.
    await untilTrue(
      "the server of the old name has ended",
      mac.servers,
      (now) => !now.some((pid) => servers.includes(pid)),
    );
    await fleet.cluster.kubectl(["delete", "node", mac.name]);
    await fleet.cluster.kubectl(["delete", "pod", pod.name, "--force", "--grace-period=0"]);
    const [node] = await fleet.untilReady("chat", 1);
    assert.notEqual(node, mac.name);
    const names = await fleet.cluster.kubectl(["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]);
    assert.deepEqual(names.split(" "), ["mac-a", "mac-b", name].filter((one) => one !== mac.name).sort());
  });

  async function renewals(name: string): Promise<string> {
    return fleet.cluster.kubectl(["get", "lease", name, "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}"]);
  }
});

function changed(before: string) {
  return (now: string) => now !== before;
}

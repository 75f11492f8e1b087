import assert from "node:assert/strict";
import { CONTROL_PLANE_TIMEOUT_MS } from "../support/cluster/cluster.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";
import { complete, keyOf, reachable, statusOfCompletion } from "./seen.ts";

/** Gemma 3 270M asks for some 630 MiB on Metal; two thirds of the memory of a Mac are for models. */
const NO_ROOM = "512Mi";
const ROOM_FOR_TWO = "2Gi";
const BUDGET = "768Mi";

describe("A fleet of Macs: where models go", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet({
      macs: [
        { name: "small", hostMemory: NO_ROOM },
        { name: "mac-a", hostMemory: ROOM_FOR_TWO },
      ],
    });
  });
  after(() => fleet?.stop());
  reportFailures(() => fleet);

  it("puts a model on the only Mac with room, where it answers", async () => {
    await fleet.apply(
      model({ name: "chat", source: fleet.weights.url("chat"), budget: BUDGET }),
      service({ name: "chat" }),
    );
    assert.deepEqual(await fleet.untilReady("chat", 1), ["mac-a"]);
    const answer = await untilTrue(
      "a client gets a completion",
      () => complete(fleet.cluster, "chat", "The capital of France is"),
      (text) => text.length > 0,
    );
    assert.match(answer, /France/);
  });

  it("answers at the address of the EndpointSlice with the key of the Secret, and nobody without it", async () => {
    const [endpoint] = await fleet.endpoints("chat");
    assert(endpoint);
    assert.deepEqual([endpoint.address, endpoint.node], [fleet.mac("mac-a").podIp, "mac-a"]);
    const key = await keyOf(fleet.cluster, "chat");
    const asked = ["", "wrong", key].map((one) => statusOfCompletion(reachable(endpoint), one));
    assert.deepEqual(await Promise.all(asked), [401, 401, 200]);
  });

  it("shows the log of the server by kubectl logs", async () => {
    const [pod] = await fleet.pods("chat");
    assert(pod);
    assert.match(await fleet.cluster.kubectl(["logs", pod.name]), /model loaded/);
    assert.equal((await fleet.cluster.kubectl(["logs", pod.name, "--tail=2"])).split("\n").length, 2);
  });

  it("puts two replicas on two Macs, when kubectl scale asks for the second", async () => {
    await fleet.addMac({ name: "mac-b", hostMemory: ROOM_FOR_TWO });
    await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=2"]);
    assert.deepEqual(await fleet.untilReady("chat", 2), ["mac-a", "mac-b"]);
    const endpoints = await untilTrue(
      "both are ready endpoints",
      () => fleet.endpoints("chat"),
      (seen) => seen.length === 2 && seen.every(({ ready }) => ready),
    );
    assert.equal(new Set(endpoints.map(({ address }) => address)).size, 2);
    await fleet.cluster.kubectl(["scale", "inferenceservice/chat", "--replicas=0"]);
    await fleet.untilPods("chat", "no pod is left", (pods) => pods.length === 0);
    for (const mac of fleet.macs.values()) assert.deepEqual(await mac.servers(), []);
  });

  it("prefers the one of two equal Macs that holds the weights", async () => {
    const held = [
      { name: "held-by-b", mac: "mac-b" },
      { name: "held-by-a", mac: "mac-a" },
    ];
    for (const { name, mac } of held) {
      const pinned = { nodeSelector: { "kubernetes.io/hostname": mac } };
      await fleet.apply(
        model({ name, source: fleet.weights.url(name), budget: BUDGET }),
        service({ name, spec: pinned }),
      );
      assert.deepEqual(await fleet.untilReady(name, 1), [mac]);
    }
    await fleet.remove(...held.map(({ name }) => name));
    for (let round = 0; round < 3; round++) {
      for (const { name, mac } of held) {
        await fleet.apply(service({ name }));
        const [pod] = await fleet.untilPods(name, "it is scheduled", (pods) => pods.some(({ node }) => node !== ""));
        assert.equal(pod?.node, mac, `round ${round}`);
        await fleet.remove(name);
      }
    }
  });
});

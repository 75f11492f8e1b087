import assert from "node:assert/strict";
import { toldWeights } from "../../../agent/node/images.ts";
import { nodeLabels, nodeObject, nodeStatus } from "../../../agent/node/node-object.ts";
import { MAC_TAINT, weightsImage, weightsKey } from "../../../api/fleet.ts";
import { aMac, GIB, REGISTERED_AT } from "./facts.ts";

const WEIGHTS = { source: "https://example.com/a.gguf", sha256: "AB".repeat(32) };

describe("a Mac as a Node", () => {
  it("has the labels by which pods find it, and a load balancer passes it by", () => {
    assert.deepEqual(nodeLabels(aMac({ held: [{ key: weightsKey(WEIGHTS), bytes: 7 }] })), {
      "kubernetes.io/os": "darwin",
      "kubernetes.io/arch": "arm64",
      "kubernetes.io/hostname": "mac-1",
      "llmkube.dev/memory-mib": "36864",
      "llmkube.dev/working-set-mib": "28672",
      "llmkube.dev/chip": "apple-m4-max",
      "node.kubernetes.io/exclude-from-external-load-balancers": "true",
      [`weights.llmkube.dev/${weightsKey(WEIGHTS)}`]: "",
    });
  });

  it("says that it stands in for a Mac where it does, and names neither chip nor working set", () => {
    const { machine } = aMac();
    const labels = nodeLabels(
      aMac({ standIn: true, workingSetBytes: undefined, machine: { ...machine, chip: undefined } }),
    );
    assert.equal(labels["llmkube.dev/stand-in"], "true");
    assert.deepEqual([labels["llmkube.dev/chip"], labels["llmkube.dev/working-set-mib"]], [undefined, undefined]);
  });

  it("offers what all models together may use, and room for each pod's successor", () => {
    const { capacity, allocatable } = nodeStatus(aMac());
    assert.deepEqual(allocatable, {
      cpu: "12",
      memory: "28311552Ki",
      pods: "110",
      "ephemeral-storage": "1048576000Ki",
    });
    assert.deepEqual(capacity, { ...allocatable, memory: "37748736Ki" });
    assert.equal(nodeStatus(aMac({ disk: undefined })).capacity["ephemeral-storage"], undefined);
    assert.equal(nodeStatus(aMac({ allocatableBytes: 99 * GIB })).allocatable["memory"], "37748736Ki");
  });

  it("keeps pods of containers away by its taint", () => {
    assert.deepEqual(nodeObject(aMac(), REGISTERED_AT)["spec"], { taints: [MAC_TAINT] });
  });

  it("has no address without a network, and its name always", () => {
    assert.deepEqual(nodeStatus(aMac({ address: undefined })).addresses, [{ type: "Hostname", address: "mac-1" }]);
    assert.deepEqual(nodeStatus(aMac()).addresses[0], { type: "InternalIP", address: "192.168.1.20" });
  });

  it("lists its weights by the image of the pods that serve them", () => {
    const held = [{ key: weightsKey(WEIGHTS), bytes: 5 * GIB }];
    assert.deepEqual(nodeStatus(aMac({ held })).images, [{ names: [weightsImage(WEIGHTS)], sizeBytes: 5 * GIB }]);
  });

  it("tells of the 50 largest weights, in one order", () => {
    const held = Array.from({ length: 60 }, (_, index) => ({ key: `k${index}`, bytes: (index * 7) % 60 }));
    const told = toldWeights(held);
    assert.equal(told.length, 50);
    assert.deepEqual([told[0]?.bytes, told[49]?.bytes], [59, 10]);
    assert.deepEqual(toldWeights(held.toReversed()), told);
    const same = [
      { key: "b", bytes: 1 },
      { key: "a", bytes: 1 },
    ];
    assert.deepEqual(
      toldWeights(same).map(({ key }) => key),
      ["a", "b"],
    );
  });
});

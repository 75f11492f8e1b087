import assert from "node:assert/strict";
import { CONTAINER_NAME } from "../../../api/fleet.ts";
import { memoryChange, podsToResize, withMemory } from "../../../controller/reconcile/resize.ts";
import type { PodView } from "../../../controller/watch/pod-view.ts";
import type { KubeObject } from "../../../kube/client.ts";

const deployment = (memory: string, more: object = {}): KubeObject => ({
  metadata: { name: "a", namespace: "x" },
  spec: {
    template: {
      metadata: { annotations: { settings: "1", ...more } },
      spec: { containers: [{ name: CONTAINER_NAME, resources: { requests: { memory } } }] },
    },
  },
});

const pod = (more: Partial<PodView>): PodView => ({
  ...{ name: "p", namespace: "x", uid: "1", service: "x/a", settings: "1", phase: "Running", node: "mac-1" },
  ...{ isDeleting: false, isReady: true, memoryRequest: "1G", unscheduled: undefined },
  ...{ reason: undefined, message: undefined, memory: undefined },
  ...more,
});

describe("memory that changes while pods run", () => {
  it("is a resize where nothing else of the pods changes", () => {
    assert.deepEqual(memoryChange(deployment("2G"), deployment("1G")), { from: "1G", to: "2G" });
  });
  for (const [what, live] of [
    ["the same memory", deployment("2G")],
    ["other settings too", deployment("1G", { settings: "2" })],
    ["no Deployment", undefined],
  ] as const) {
    it(`is none with ${what}`, () => assert.equal(memoryChange(deployment("2G"), live), undefined));
  }

  it("keeps the template as it is, and the plan unchanged", () => {
    const planned = deployment("2G");
    assert.deepEqual(withMemory(planned, "1G"), deployment("1G"));
    assert.deepEqual(planned, deployment("2G"));
  });

  it("is asked of pods on Macs that do not have it yet", () => {
    const pods = [
      pod({ name: "old" }),
      pod({ name: "done", memoryRequest: "2G" }),
      pod({ name: "waiting", node: undefined }),
      pod({ name: "leaving", isDeleting: true }),
    ];
    assert.deepEqual(
      podsToResize(pods, { from: "1G", to: "2G" }).map(({ name }) => name),
      ["old"],
    );
  });
});

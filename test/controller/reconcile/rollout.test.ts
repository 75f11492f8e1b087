import assert from "node:assert/strict";
import { POD_ANNOTATIONS } from "../../../api/fleet.ts";
import { rolloutReason } from "../../../controller/reconcile/rollout.ts";
import type { KubeObject } from "../../../kube/client.ts";

const deployment = (memory: string, settings = "a", replicas = 1): KubeObject => ({
  metadata: { name: "d", namespace: "x" },
  spec: {
    replicas,
    template: {
      metadata: { annotations: { [POD_ANNOTATIONS.settings]: settings } },
      spec: { containers: [{ name: "llama-server", resources: { requests: { memory } } }] },
    },
  },
});

describe("why pods are replaced", () => {
  const now = deployment("1Gi");
  const table: readonly (readonly [what: string, live: KubeObject | undefined, says: string | undefined])[] = [
    ["there is nothing yet", undefined, undefined],
    ["nothing changes", now, undefined],
    ["it has no pods", deployment("2Gi", "b", 0), undefined],
    ["a setting changes", deployment("2Gi", "b"), "a setting of its server, or its weights, changed"],
    ["only the estimate changes", deployment("2Gi"), "the memory that a replica needs changed from 2.0 GiB to 1.0 GiB"],
    ["somebody made nonsense of it", { metadata: { name: "d", namespace: "x" }, spec: 7 }, undefined],
  ];
  for (const [what, live, says] of table) {
    it(`where ${what}: ${says ?? "nothing to say"}`, () => assert.equal(rolloutReason(now, live), says));
  }
});

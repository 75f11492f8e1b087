import assert from "node:assert/strict";
import { MAC_OS_LABEL_VALUE, MAC_TAINT, NODE_LABELS } from "../../api/fleet.ts";
import type { KubeClient, KubeObject, KubeResult } from "../../kube/client.ts";
import { type KubeAccess, openKubeAccess } from "../../kube/open-client.ts";

/** Asks for one thing, as one identity. */
export type Ask = (client: KubeClient) => Promise<KubeResult<unknown>>;

export async function accessOf(kubeconfig: string): Promise<KubeAccess> {
  const access = await openKubeAccess({ kubeconfig });
  assert.ok(access.ok, access.ok ? "" : access.error);
  return access.value;
}

export function mustSucceed<T>(result: KubeResult<T>): T {
  assert.ok(result.ok, result.ok ? "" : result.error);
  return result.value;
}

export function mustBeForbidden(result: KubeResult<unknown>, says?: RegExp): void {
  assert.ok(!result.ok, "it was allowed");
  assert.equal(result.kind, "forbidden", result.error);
  if (says !== undefined) assert.match(result.error, says);
}

export function macNode(name: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { [NODE_LABELS.os]: MAC_OS_LABEL_VALUE, [NODE_LABELS.memoryMiB]: "65536" } },
    spec: { taints: [{ ...MAC_TAINT }] },
  };
}

export function lease(name: string): KubeObject {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name, leaseDurationSeconds: 40 },
  };
}

/** A pod that claims nothing; of a node where one is named. */
export function pod(name: string, more: { nodeName?: string; secret?: string } = {}): KubeObject {
  const env = more.secret && [{ name: "KEY", valueFrom: { secretKeyRef: { name: more.secret, key: "api-key" } } }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: {
      ...(more.nodeName !== undefined && { nodeName: more.nodeName }),
      automountServiceAccountToken: false,
      containers: [{ name: "c", image: "none:1", ...(env && { env }) }],
    },
  };
}

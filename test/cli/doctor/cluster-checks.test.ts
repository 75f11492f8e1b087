import assert from "node:assert/strict";
import {
  judgeDaemonSets,
  judgeLease,
  judgeMacs,
  judgeRequests,
  reachesMacs,
} from "../../../cli/doctor/cluster-checks.ts";
import type { KubeObject } from "../../../kube/client.ts";

function daemonSet(spec: object): KubeObject {
  return { metadata: { name: "agent", namespace: "monitoring" }, spec: { template: { spec } } };
}

const ALL = [{ operator: "Exists" }];

function affinity(...terms: readonly object[]): object {
  const nodeSelectorTerms = terms.map((one) => ({ matchExpressions: [one] }));
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

const os = (operator: string, ...values: readonly string[]) => ({ key: "kubernetes.io/os", operator, values });

describe("DaemonSets that reach Macs", () => {
  const cases: readonly [what: string, spec: object, reaches: boolean][] = [
    ["tolerates nothing", {}, false],
    ["tolerates everything", { tolerations: ALL }, true],
    ["tolerates every NoSchedule", { tolerations: [{ operator: "Exists", effect: "NoSchedule" }] }, true],
    ["tolerates every NoExecute", { tolerations: [{ operator: "Exists", effect: "NoExecute" }] }, false],
    ["tolerates our taint", { tolerations: [{ key: "llmkube.dev/mac", operator: "Exists" }] }, true],
    ["tolerates our taint by value", { tolerations: [{ key: "llmkube.dev/mac", value: "true" }] }, true],
    ["tolerates another value of it", { tolerations: [{ key: "llmkube.dev/mac", value: "no" }] }, false],
    ["tolerates another taint", { tolerations: [{ key: "gpu", operator: "Exists" }] }, false],
    ["selects Linux", { tolerations: ALL, nodeSelector: { "kubernetes.io/os": "linux" } }, false],
    ["selects Macs", { tolerations: ALL, nodeSelector: { "kubernetes.io/os": "darwin" } }, true],
    ["excludes Macs", { tolerations: ALL, affinity: affinity(os("NotIn", "darwin")) }, false],
    ["excludes Windows", { tolerations: ALL, affinity: affinity(os("NotIn", "windows")) }, true],
    ["wants Linux", { tolerations: ALL, affinity: affinity(os("In", "linux")) }, false],
    ["wants Linux, or what is old", { tolerations: ALL, affinity: affinity(os("In", "linux"), os("Exists")) }, true],
    [
      "wants Linux in each term",
      { tolerations: ALL, affinity: affinity(os("In", "linux"), os("NotIn", "darwin")) },
      false,
    ],
  ];
  for (const [what, spec, reaches] of cases) {
    it(`${reaches ? "is" : "is not"} one that ${what}`, () => {
      assert.equal(reachesMacs(daemonSet(spec)), reaches);
    });
  }

  it("are named, with the fix", () => {
    const { state, found, remedy } = judgeDaemonSets([daemonSet({ tolerations: ALL })]);
    assert.equal(state, "warning");
    assert.match(found, /^monitoring\/agent: /);
    assert.match(remedy ?? "", /kubernetes\.io\/os, operator NotIn, values \[darwin\]/);
  });
});

describe("the state of a fleet", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  const lease = (spec: object): KubeObject => ({ metadata: { name: "lease" }, spec });
  const leases: readonly [what: string, lease: KubeObject | undefined, state: string][] = [
    ["no Lease", undefined, "failed"],
    ["a Lease that nobody holds", lease({ holderIdentity: "" }), "failed"],
    ["a fresh one", lease({ holderIdentity: "a", renewTime: "2026-11-26T11:59:50.000000Z" }), "ok"],
    ["a stale one", lease({ holderIdentity: "a", renewTime: "2026-11-26T11:50:00.000000Z" }), "failed"],
    ["one of a clock that is ahead", lease({ holderIdentity: "a", renewTime: "2026-11-26T12:00:30.000000Z" }), "ok"],
  ];
  for (const [what, one, state] of leases) {
    it(`is ${state} with ${what}`, () => {
      assert.equal(judgeLease(one, now).state, state);
    });
  }

  const mac = (name: string, status: string, taints: readonly object[]): KubeObject => ({
    metadata: { name },
    spec: { taints },
    status: { conditions: [{ type: "Ready", status }] },
  });
  const taint = { key: "llmkube.dev/mac", value: "true", effect: "NoSchedule" };

  it("names Macs that are not Ready, and Macs without the taint", () => {
    const found = judgeMacs([mac("a", "True", [taint]), mac("b", "Unknown", [taint]), mac("c", "True", [])]);
    assert.deepEqual(
      found.map(({ state }) => state),
      ["warning", "warning"],
    );
    assert.match(found[0]?.found ?? "", /^not Ready: b$/);
    assert.match(found[1]?.found ?? "", /: c: /);
    assert.equal(judgeMacs([mac("a", "True", [taint])])[0]?.state, "ok");
    assert.equal(judgeMacs([])[0]?.state, "warning");
  });

  it("names requests for certificates of Macs that wait, and of nobody else", () => {
    const request = (name: string, username: string, conditions: readonly object[] = []): KubeObject => ({
      metadata: { name },
      spec: { signerName: "kubernetes.io/kubelet-serving", username },
      status: { conditions },
    });
    const requests = [
      request("csr-1", "system:node:a"),
      request("csr-2", "system:node:linux"),
      request("csr-3", "system:node:a", [{ type: "Approved" }]),
    ];
    const { state, remedy } = judgeRequests(requests, [mac("a", "True", [taint])]);
    assert.equal(state, "warning");
    assert.equal(remedy, "kubectl certificate approve csr-1");
  });
});

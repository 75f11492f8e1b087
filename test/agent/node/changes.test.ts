import assert from "node:assert/strict";
import { metadataPatch, statusChange, statusPatch, taintProblem } from "../../../agent/node/changes.ts";
import { memoryCondition, NO_PID_PRESSURE, readyCondition } from "../../../agent/node/conditions.ts";
import type { LiveNode } from "../../../agent/node/live-node.ts";
import type { NodeFacts } from "../../../agent/node/node-object.ts";
import { aMac, CLEAN, GIB, registered } from "./facts.ts";

const LATER = new Date("2026-11-26T17:10:00Z");

/** As somebody else has left it. */
function withLabels(live: LiveNode, labels: Record<string, string>): LiveNode {
  return { ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, ...labels } } };
}

function withReady(live: LiveNode, change: Partial<LiveNode["status"]["conditions"][number]>): LiveNode {
  const conditions = live.status.conditions.map((one) => (one.type === "Ready" ? { ...one, ...change } : one));
  return { ...live, status: { ...live.status, conditions } };
}

describe("what is written about a Mac's Node", () => {
  const live = registered(aMac());

  it("is nothing while it is as it was registered", () => {
    assert.equal(metadataPatch(live, aMac()), undefined);
    assert.equal(statusChange(live, aMac()), undefined);
  });

  describe("of its labels", () => {
    const labels = (those: LiveNode, facts: NodeFacts) => metadataPatch(those, facts);
    it("is what changed, with the uid of this very Node", () => {
      assert.deepEqual(labels(live, aMac({ memoryBytes: 64 * GIB })), {
        metadata: { uid: "u-1", labels: { "llmkube.dev/memory-mib": "65536" } },
      });
    });
    it("takes away what is the agent's own and holds no longer", () => {
      const held = [{ key: "0123456789abcdef", bytes: 1 }];
      const patch = labels(registered(aMac({ held, standIn: true })), aMac({ workingSetBytes: undefined }));
      assert.deepEqual(patch, {
        metadata: {
          uid: "u-1",
          labels: {
            "weights.llmkube.dev/0123456789abcdef": null,
            "llmkube.dev/stand-in": null,
            "llmkube.dev/working-set-mib": null,
          },
        },
      });
    });
    it("puts right what somebody changed, and leaves what is theirs", () => {
      const theirs = withLabels(live, { rack: "b2", "topology.kubernetes.io/zone": "z", "kubernetes.io/os": "linux" });
      assert.deepEqual(labels(theirs, aMac()), { metadata: { uid: "u-1", labels: { "kubernetes.io/os": "darwin" } } });
    });
  });

  describe("of its status", () => {
    const wider = (facts: NodeFacts) => ({ ...facts, allocatableBytes: 20 * GIB });
    const cases: readonly (readonly [
      what: string,
      those: LiveNode,
      facts: NodeFacts,
      status: object,
      wordsOnly: boolean,
    ])[] = [
      ["less memory to share", live, wider(aMac()), { allocatable: { memory: "20971520Ki" } }, false],
      [
        "a new build of llama-server",
        live,
        aMac({ serverBuild: "b10000" }),
        { nodeInfo: { containerRuntimeVersion: "llama-server://b10000" } },
        false,
      ],
      [
        "another port",
        live,
        aMac({ kubeletPort: 40_001 }),
        { daemonEndpoints: { kubeletEndpoint: { Port: 40_001 } } },
        false,
      ],
      [
        "another network",
        live,
        aMac({ address: "10.0.0.7" }),
        {
          addresses: [
            { type: "InternalIP", address: "10.0.0.7" },
            { type: "Hostname", address: "mac-1" },
            { $patch: "replace" },
          ],
        },
        false,
      ],
      [
        "weights that came",
        live,
        aMac({ held: [{ key: "0123456789abcdef", bytes: 9 }] }),
        { images: [{ names: ["weights.llmkube.dev/0123456789abcdef:held"], sizeBytes: 9 }] },
        false,
      ],
      [
        "weights that went",
        registered(aMac({ held: [{ key: "0123456789abcdef", bytes: 9 }] })),
        aMac(),
        { images: [] },
        false,
      ],
      [
        "a problem to tell of",
        live,
        aMac({ conditions: [readyCondition({ ...CLEAN, problems: ["a.yaml is no YAML"] })] }),
        {},
        true,
      ],
      ["memory pressure", live, aMac({ conditions: [memoryCondition(5)] }), {}, false],
      ["an agent that ends", live, aMac({ conditions: [readyCondition({ ...CLEAN, ending: true })] }), {}, false],
      [
        "Kubernetes, which has not heard of it",
        withReady(live, { status: "Unknown", reason: "NodeStatusUnknown" }),
        aMac(),
        {},
        false,
      ],
    ];
    for (const [what, those, facts, status, wordsOnly] of cases) {
      it(`follows ${what}`, () => assert.deepEqual(statusChange(those, facts), { status, wordsOnly }));
    }

    const none: readonly (readonly [what: string, those: LiveNode, facts: NodeFacts])[] = [
      [
        "a number in a sentence",
        registered(aMac({ conditions: [readyCondition({ ...CLEAN, problems: ["it is away for 10 s"] })] })),
        aMac({ conditions: [readyCondition({ ...CLEAN, problems: ["it is away for 20.5 s"] })] }),
      ],
      [
        "Unknown of an agent that is not ready: both would write it for ever",
        withReady(live, { status: "Unknown", reason: "NodeStatusUnknown", message: "stopped posting" }),
        aMac({ conditions: [readyCondition({ ...CLEAN, trouble: "its loop stands still" })] }),
      ],
      [
        "the form in which the API server writes a quantity",
        { ...live, status: { ...live.status, allocatable: { ...live.status.allocatable, memory: "27Gi", cpu: "12" } } },
        aMac(),
      ],
      [
        "what others know of the Node",
        {
          ...live,
          status: {
            ...live.status,
            capacity: { ...live.status.capacity, "example.com/gpu": "1" },
            conditions: [
              ...live.status.conditions,
              { type: "KernelDeadlock", status: "False", reason: "", message: "" },
            ],
          },
        },
        aMac(),
      ],
    ];
    for (const [what, those, facts] of none) {
      it(`is nothing for ${what}`, () => assert.equal(statusChange(those, facts), undefined));
    }

    it("says of every condition that it is still so, and when one has turned", () => {
      const facts = aMac({ conditions: [readyCondition(CLEAN), memoryCondition(5), NO_PID_PRESSURE] });
      const change = statusChange(live, facts);
      const patch = statusPatch(live, facts, change, LATER);
      const times = (type: string) => {
        assert("status" in patch);
        const { conditions } = patch.status as {
          conditions: { type: string; lastTransitionTime: string; lastHeartbeatTime: string }[];
        };
        const found = conditions.find((one) => one.type === type);
        return [found?.lastTransitionTime, found?.lastHeartbeatTime];
      };
      assert.deepEqual(times("Ready"), ["2026-11-26T17:00:00Z", "2026-11-26T17:10:00Z"]);
      assert.deepEqual(times("MemoryPressure"), ["2026-11-26T17:10:00Z", "2026-11-26T17:10:00Z"]);
    });
  });

  it("is no taint, which NodeRestriction forbids: a person is told how", () => {
    assert.equal(taintProblem(live, "mac-1"), undefined);
    const without = { ...live, spec: { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }] } };
    assert.match(taintProblem(without, "mac-1") ?? "", /kubectl taint node mac-1 llmkube.dev\/mac=true:NoSchedule$/);
  });
});

import assert from "node:assert/strict";
import { readClaim } from "../../../../agent/sources/pods/claim.ts";
import { parsePod } from "../../../../agent/sources/pods/pod.ts";

const KEY = { name: "LLAMA_API_KEY", valueFrom: { secretKeyRef: { name: "chat-api-key", key: "api-key" } } };
const CONTAINER = {
  ...{ name: "llama-server", image: "weights.llmkube.dev/0:held", imagePullPolicy: "Never", env: [KEY] },
  ports: [{ name: "http", containerPort: 12_000, hostPort: 12_000 }],
};
const OURS = {
  "llmkube.dev/inference-service-name": "chat",
  "llmkube.dev/inference-service-uid": "uid-1",
  "llmkube.dev/settings": "hash",
};
const OWNER = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "chat-1", uid: "uid-2", controller: true };

interface Changes {
  readonly metadata?: object;
  readonly spec?: object;
  readonly container?: object;
}

function read({ metadata, spec, container }: Changes = {}) {
  const pod = parsePod({
    metadata: {
      name: "chat-1-a",
      namespace: "team",
      uid: "u",
      annotations: OURS,
      ownerReferences: [OWNER],
      ...metadata,
    },
    spec: { nodeName: "mac-1", hostNetwork: true, containers: [{ ...CONTAINER, ...container }], ...spec },
  });
  assert(pod.ok, pod.ok ? "" : pod.error);
  return readClaim(pod.value, "mac-1");
}

describe("what is taken from a pod", () => {
  it("is its service, port, grace period, priority and Secret", () => {
    const reading = read({ spec: { terminationGracePeriodSeconds: 7, priority: 100 } });
    assert.deepEqual(reading, {
      is: "claim",
      claim: {
        ...{ namespace: "team", service: "chat", serviceUid: "uid-1", settings: "hash", port: 12_000 },
        ...{ gracePeriodMs: 7000, priority: 100, secret: { name: "chat-api-key", key: "api-key" } },
      },
    });
  });

  const graces = [
    [undefined, 10_000],
    [0, 0],
    [-1, 1000],
    [30, 30_000],
    [1_000_000, 86_400_000],
    [Number.MAX_SAFE_INTEGER * 2, 86_400_000],
  ] as const;
  for (const [seconds, milliseconds] of graces) {
    it(`is ${milliseconds} ms of a grace period of ${seconds} s`, () => {
      const reading = read({ spec: { terminationGracePeriodSeconds: seconds } });
      assert.equal(reading.is === "claim" && reading.claim.gracePeriodMs, milliseconds);
    });
  }

  const harmless: Readonly<Record<string, Changes>> = {
    "a negative priority": { spec: { priority: -2_000_000_000 } },
    "annotations of 1 MiB": { metadata: { annotations: { ...OURS, huge: "x".repeat(1 << 20) } } },
    "an ephemeral container that somebody added for debugging": {
      spec: { ephemeralContainers: [{ name: "debugger", image: "busybox", command: ["sh"] }] },
    },
    "what the API server writes by itself": {
      spec: { securityContext: {}, dnsPolicy: "ClusterFirst", schedulerName: "default-scheduler", initContainers: [] },
      container: { terminationMessagePath: "/dev/termination-log", resources: {}, volumeMounts: [] },
    },
  };
  for (const [what, changes] of Object.entries(harmless)) {
    it(`is the same with ${what}`, () => assert.equal(read(changes).is, "claim"));
  }

  const refused: readonly (readonly [what: string, reason: string, changes: Changes])[] = [
    ["that is bound to another node", "NotOfThisNode", { spec: { nodeName: "mac-2" } }],
    ["that is bound to none", "NotOfThisNode", { spec: { nodeName: undefined } }],
    ["without annotations", "NotAModel", { metadata: { annotations: undefined } }],
    [
      "without the digest of its settings",
      "NotAModel",
      {
        metadata: {
          annotations: { "llmkube.dev/inference-service-name": "chat", "llmkube.dev/inference-service-uid": "u" },
        },
      },
    ],
    ["of nobody", "ForeignOwner", { metadata: { ownerReferences: undefined } }],
    ["of a DaemonSet", "ForeignOwner", { metadata: { ownerReferences: [{ ...OWNER, kind: "DaemonSet" }] } }],
    [
      "of another group's ReplicaSet",
      "ForeignOwner",
      { metadata: { ownerReferences: [{ ...OWNER, apiVersion: "evil/v1" }] } },
    ],
    [
      "that its ReplicaSet does not control",
      "ForeignOwner",
      { metadata: { ownerReferences: [{ ...OWNER, controller: false }] } },
    ],
    ["with two containers", "AsksForMore", { spec: { containers: [CONTAINER, CONTAINER] } }],
    ["with an init container", "AsksForMore", { spec: { initContainers: [{ name: "a" }] } }],
    ["without the host's network", "AsksForMore", { spec: { hostNetwork: false } }],
    ["that is to run once", "AsksForMore", { spec: { restartPolicy: "Never" } }],
    ["with a volume", "AsksForMore", { spec: { volumes: [{ name: "a", hostPath: { path: "/" } }] } }],
    ["with the host's processes", "AsksForMore", { spec: { hostPID: true } }],
    ["with a user", "AsksForMore", { spec: { securityContext: { runAsUser: 0 } } }],
    ["with another container", "AsksForMore", { container: { name: "sh" } }],
    ["with a command", "AsksForMore", { container: { command: ["sh"] } }],
    ["with arguments", "AsksForMore", { container: { args: ["--model", "/etc/passwd"] } }],
    ["with a hook", "AsksForMore", { container: { lifecycle: { preStop: { exec: { command: ["sh"] } } } } }],
    ["with another variable", "AsksForMore", { container: { env: [KEY, { name: "LD_PRELOAD", value: "x" }] } }],
    ["without ports", "InvalidPort", { container: { ports: undefined } }],
    ["with two ports", "InvalidPort", { container: { ports: [...CONTAINER.ports, { hostPort: 12_001 }] } }],
    ["without a host port", "InvalidPort", { container: { ports: [{ containerPort: 12_000 }] } }],
    ["with a port of the system", "InvalidPort", { container: { ports: [{ hostPort: 1023 }] } }],
    ["with a port that is none", "InvalidPort", { container: { ports: [{ hostPort: 65_536 }] } }],
    ["without a key", "NoApiKey", { container: { env: [] } }],
    ["with a key in the clear", "NoApiKey", { container: { env: [{ name: "LLAMA_API_KEY", value: "secret" }] } }],
    [
      "with another key of a Secret",
      "NoApiKey",
      { container: { env: [{ ...KEY, valueFrom: { secretKeyRef: { name: "x", key: "token" } } }] } },
    ],
  ];
  for (const [what, reason, changes] of refused) {
    it(`is nothing of a pod ${what}: ${reason}`, () => {
      const reading = read(changes);
      assert.equal(reading.is === "refused" ? reading.reason : reading.is, reason);
    });
  }
});

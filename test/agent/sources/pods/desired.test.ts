import assert from "node:assert/strict";
import { desiredOfPods } from "../../../../agent/sources/pods/desired.ts";
import { parsePod } from "../../../../agent/sources/pods/pod.ts";
import { API_KEY, API_KEY_VARIABLE, POD_ANNOTATIONS } from "../../../../api/fleet.ts";
import { parseManifest } from "../../../../api/parse.ts";
import { settingsHash } from "../../../../serving/settings-hash.ts";
import { modelManifest, serviceManifest } from "../../../support/manifests.ts";
import { options } from "../../samples.ts";

const NODE = "mac-1";

function desiredWith(spec: object) {
  const model = parseManifest(modelManifest());
  const service = parseManifest(serviceManifest(spec));
  assert(model.ok && model.value.kind === "Model" && service.ok && service.value.kind === "InferenceService");
  const pod = parsePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...{ name: "chat-a", namespace: service.value.metadata.namespace, uid: "pod-uid" },
      annotations: {
        [POD_ANNOTATIONS.service]: service.value.metadata.name,
        [POD_ANNOTATIONS.serviceUid]: "uid-1",
        [POD_ANNOTATIONS.settings]: settingsHash(service.value, model.value),
      },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "chat", uid: "rs-uid", controller: true }],
    },
    spec: {
      nodeName: NODE,
      hostNetwork: true,
      containers: [
        {
          name: "llama-server",
          ports: [{ name: "http", containerPort: 18_000, hostPort: 18_000 }],
          env: [{ name: API_KEY_VARIABLE, valueFrom: { secretKeyRef: { name: "chat-api-key", key: API_KEY } } }],
        },
      ],
    },
  });
  assert(pod.ok, pod.ok ? "" : pod.error);
  const known = { service: service.value, model: model.value };
  const [desired] = desiredOfPods([pod.value], {
    ...{ nodeName: NODE, listenHost: "10.0.0.7", mayStart: true, running: new Map() },
    host: { backend: "cpu", hostMemoryBytes: 16 * 2 ** 30, options },
    lookup: {
      service: () => ({ is: "known", value: known.service, uid: "uid-1" }),
      model: () => ({ is: "known", value: known.model, uid: "uid-2" }),
    },
    keysOf: () => ({ is: "there", path: "/keys" }),
  }).values();
  return desired;
}

describe("what is wanted for a pod", () => {
  it("is its server, however many replicas its InferenceService has: the controller adds and removes pods", () => {
    const alone = desiredWith({ replicas: 1 });
    assert.equal(alone?.kind, "run");
    for (const spec of [{ replicas: 0 }, { replicas: 3 }, { replicas: 1, suspend: true }]) {
      assert.deepEqual(desiredWith(spec), alone, JSON.stringify(spec));
    }
  });
});

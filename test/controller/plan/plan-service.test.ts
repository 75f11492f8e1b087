import assert from "node:assert/strict";
import { GiB } from "../../../api/bytes.ts";
import { weightsKey } from "../../../api/fleet.ts";
import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Model } from "../../../api/model.ts";
import { estimateAnnotations, keptEstimate } from "../../../controller/plan/estimate.ts";
import { planService, type ServicePlan } from "../../../controller/plan/plan-service.ts";
import { estimateServed } from "../../../memory/served.ts";
import { settingsHash } from "../../../serving/settings-hash.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { SETTINGS } from "../../support/settings.ts";
import { model, needing, service } from "./objects.ts";

const ESTIMATE = needing(6 * GiB);
const WEIGHTS = weightsKey({ source: "hf://org/repo/llama.gguf" });

function plan(one: InferenceService = service(), its: Model = model()): ServicePlan {
  const planned = planService({ service: one, model: its, estimate: ESTIMATE, port: 18_123, apiKey: "k3y" });
  if (!planned.ok) throw new Error(planned.error);
  return planned.value;
}

function refused(one: InferenceService): string {
  const planned = planService({ service: one, model: model(), estimate: ESTIMATE, port: 18_123, apiKey: "k3y" });
  assert.ok(!planned.ok);
  return planned.error;
}

/** A value inside of an object, by the names on the way to it. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value);
}

const podSpec = (planned: ServicePlan) => at(planned.deployment, "spec", "template", "spec");

describe("planService", () => {
  it("makes a Deployment of which the whole is fixed", () => {
    const settings = settingsHash(service(), model());
    const labels = { "llmkube.dev/inference-service": "chat" };
    const own = { "app.kubernetes.io/managed-by": "pulumi-llmkube", ...labels };
    const owner = {
      apiVersion: "inference.llmkube.dev/v1alpha1",
      kind: "InferenceService",
      name: "chat",
      uid: "uid-1",
      controller: true,
    };
    const { deployment } = plan();
    const estimate = deployment.metadata.annotations?.["llmkube.dev/estimate"] ?? "";
    assert.deepEqual(JSON.parse(estimate), ESTIMATE);
    assert.deepEqual(deployment, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: "chat",
        namespace: "team",
        labels: own,
        ownerReferences: [owner],
        annotations: { "llmkube.dev/settings": settings, "llmkube.dev/estimate": estimate },
      },
      spec: {
        replicas: 1,
        revisionHistoryLimit: 2,
        progressDeadlineSeconds: 86_400,
        selector: { matchLabels: labels },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: {
          metadata: {
            labels: own,
            annotations: {
              "llmkube.dev/inference-service-name": "chat",
              "llmkube.dev/inference-service-uid": "uid-1",
              "llmkube.dev/settings": settings,
            },
          },
          spec: {
            containers: [
              {
                name: "llama-server",
                image: `weights.llmkube.dev/${WEIGHTS}:held`,
                imagePullPolicy: "Never",
                ports: [{ name: "http", containerPort: 18_123, hostPort: 18_123, protocol: "TCP" }],
                resources: { requests: { memory: String(6 * GiB) } },
                env: [{ name: "LLAMA_API_KEY", valueFrom: { secretKeyRef: { name: "chat-api-key", key: "api-key" } } }],
              },
            ],
            hostNetwork: true,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 30,
            priorityClassName: "llmkube-normal",
            nodeSelector: { "kubernetes.io/os": "darwin" },
            tolerations: [
              { key: "llmkube.dev/mac", operator: "Equal", value: "true", effect: "NoSchedule" },
              { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
              { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
            ],
            affinity: {
              nodeAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 100,
                    preference: {
                      matchExpressions: [{ key: `weights.llmkube.dev/${WEIGHTS}`, operator: "Exists" }],
                    },
                  },
                ],
              },
            },
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: labels },
              },
            ],
          },
        },
      },
    });
  });

  it("keeps the estimate where a restarted controller finds it, for those settings only", () => {
    const { deployment, settings } = plan();
    assert.deepEqual(keptEstimate(deployment, settings), ESTIMATE);
    assert.equal(keptEstimate(deployment, "others"), undefined);
    for (const nonsense of ["", "{", "{}", JSON.stringify({ ...ESTIMATE, totalBytes: 0 })]) {
      const annotations = { ...deployment.metadata.annotations, "llmkube.dev/estimate": nonsense };
      assert.equal(keptEstimate({ metadata: { name: "chat", annotations } }, settings), undefined, nonsense);
    }
  });

  it("keeps what the estimate of a real model is made of", async () => {
    const estimated = estimateServed({ header: await gemmaHeader() }, SETTINGS);
    assert.ok(estimated.ok && estimated.value.confidence !== "unknown");
    const annotations = estimateAnnotations("s", estimated.value);
    assert.deepEqual(keptEstimate({ metadata: { name: "chat", annotations } }, "s"), estimated.value);
  });

  it("rolls out what needs another server, or another size, and nothing else", () => {
    const template = (one: ServicePlan) => at(one.deployment, "spec", "template");
    const before = template(plan());
    const same: readonly ServicePlan[] = [
      plan(service(), model({ memoryBudget: "24Gi" })),
      plan(service({ replicas: 3 })),
      plan(service({ suspend: true })),
      plan(service({ evictionProtection: true, endpoint: { port: 9000, type: "NodePort" } })),
      plan(service({ revisionHistoryLimit: 5 })),
    ];
    for (const one of same) assert.deepEqual(template(one), before);
    const other: readonly ServicePlan[] = [
      plan(service({ contextSize: 8192 })),
      plan(service(), model({}, { source: "hf://org/repo/other.gguf" })),
      plan(service(), model({ memoryFraction: 0.5 })),
      plan(service({ priority: "high" })),
      plan(service({ nodeSelector: { zone: "a" } })),
    ];
    for (const one of other) assert.notDeepEqual(template(one), before);
  });

  const replicas: readonly (readonly [spec: object, replicas: number])[] = [
    [{}, 1],
    [{ replicas: 0 }, 0],
    [{ replicas: 4 }, 4],
    [{ replicas: 4, suspend: true }, 0],
  ];
  for (const [spec, count] of replicas) {
    it(`has ${count} replicas for ${JSON.stringify(spec)}`, () => {
      assert.equal(at(plan(service(spec)).deployment, "spec", "replicas"), count);
    });
  }

  const classes: readonly (readonly [spec: object, name: string])[] = [
    [{}, "llmkube-normal"],
    [{ priority: "critical" }, "llmkube-critical"],
    [{ priority: "batch" }, "llmkube-batch"],
    [{ priority: "batch", priorityClassName: "theirs" }, "theirs"],
    [{ priorityClassName: "" }, "llmkube-normal"],
  ];
  for (const [spec, name] of classes) {
    it(`has the PriorityClass ${name} for ${JSON.stringify(spec)}`, () => {
      assert.equal(at(podSpec(plan(service(spec))), "priorityClassName"), name);
    });
  }

  const services: readonly (readonly [endpoint: object | undefined, spec: object])[] = [
    [undefined, { type: "ClusterIP", port: 8080 }],
    [{}, { type: "ClusterIP", port: 8080 }],
    [{ port: 80 }, { type: "ClusterIP", port: 80 }],
    [{ type: "NodePort" }, { type: "NodePort", port: 8080 }],
    [
      { type: "NodePort", nodePort: 30_100 },
      { type: "NodePort", port: 8080, nodePort: 30_100 },
    ],
    [
      { type: "LoadBalancer", port: 443 },
      { type: "LoadBalancer", port: 443 },
    ],
    [
      { type: "ClusterIP", nodePort: 30_100 },
      { type: "ClusterIP", port: 8080 },
    ],
  ];
  for (const [endpoint, expected] of services) {
    it(`makes the Service ${JSON.stringify(expected)} of ${JSON.stringify(endpoint)}`, () => {
      const { type, ...port } = { ...expected } as { type: string };
      assert.deepEqual(plan(service(endpoint === undefined ? {} : { endpoint })).service["spec"], {
        type,
        selector: { "llmkube.dev/inference-service": "chat" },
        ports: [{ name: "http", targetPort: "http", protocol: "TCP", ...port }],
      });
    });
  }

  const budgets: readonly (readonly [spec: object, maxUnavailable: number | undefined])[] = [
    [{}, undefined],
    [{ replicas: 2 }, 1],
    [{ replicas: 2, suspend: true }, 1],
    [{ disruption: { protectAlways: true } }, 0],
    [{ replicas: 3, disruption: { protectAlways: true } }, 0],
    [{ disruption: {} }, undefined],
  ];
  for (const [spec, maxUnavailable] of budgets) {
    it(`lets ${maxUnavailable ?? "any number"} be drained at a time for ${JSON.stringify(spec)}`, () => {
      const budget = plan(service(spec)).podDisruptionBudget;
      assert.equal(at(budget, "spec", "maxUnavailable"), maxUnavailable);
      if (budget !== undefined) {
        assert.deepEqual(at(budget, "spec", "selector"), { matchLabels: { "llmkube.dev/inference-service": "chat" } });
      }
    });
  }

  it("makes a Secret with the key where the service names none, and none where it does", () => {
    const key = at(plan().secret, "data", "api-key");
    assert.equal(Buffer.from(String(key), "base64").toString(), "k3y\n");
    const named = plan(service({}, { annotations: { "llmkube.dev/api-key-secret": "ours" } }));
    assert.equal(named.secret, undefined);
    assert.equal(at(podSpec(named), "containers", 0, "env", 0, "valueFrom", "secretKeyRef", "name"), "ours");
    for (const bad of ["", "../x", "A"]) {
      assert.match(
        refused(service({}, { annotations: { "llmkube.dev/api-key-secret": bad } })),
        /^InferenceService team\/chat: the annotation llmkube\.dev\/api-key-secret must be the name of a Secret/,
      );
    }
  });

  it("needs a uid, since everything that it makes belongs to that one service", () => {
    assert.match(refused(service({}, { uid: undefined })), /has no uid/);
  });

  it("shortens a long name to the same one everywhere, and says the whole in an annotation", () => {
    const name = `${"long-".repeat(20)}name`;
    const long = plan(service({}, { name }));
    const short = long.deployment.metadata.name;
    assert.ok(short.length <= 63, short);
    assert.equal(long.service.metadata.name, short);
    assert.ok((long.secret?.metadata.name.length ?? 99) <= 63);
    assert.equal(at(long.deployment, "spec", "selector", "matchLabels", "llmkube.dev/inference-service"), short);
    const annotations = at(long.deployment, "spec", "template", "metadata", "annotations");
    assert.equal(at(annotations, "llmkube.dev/inference-service-name"), name);
  });

  it("merges in what the service says of its pods; its own labels, selector and tolerations win", () => {
    const spec = podSpec(
      plan(
        service({
          nodeSelector: { zone: "a", "kubernetes.io/os": "linux" },
          tolerations: [
            { key: "team", operator: "Exists" },
            { key: "llmkube.dev/mac", operator: "Exists", effect: "NoSchedule" },
            { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 9000 },
          ],
          topologySpreadConstraints: [
            { maxSkew: 5, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
            { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" },
          ],
        }),
      ),
    );
    assert.deepEqual(at(spec, "nodeSelector"), { zone: "a", "kubernetes.io/os": "darwin" });
    const tolerations = Object.values(Object(at(spec, "tolerations")));
    assert.equal(tolerations.length, 4);
    assert.deepEqual(tolerations.at(-1), { key: "team", operator: "Exists" });
    const spread = Object.values(Object(at(spec, "topologySpreadConstraints")));
    assert.deepEqual(
      spread.map((one) => [at(one, "maxSkew"), at(one, "topologyKey")]),
      [
        [1, "kubernetes.io/hostname"],
        [1, "zone"],
      ],
    );
  });

  it("lets labels and annotations of the pods through, but not those that say whose pod it is", () => {
    const labels = { "llmkube.dev/inference-service": "other", team: "a" };
    const annotations = { "llmkube.dev/inference-service-uid": "forged", note: "b" };
    const planned = plan(service({ podLabels: labels, podAnnotations: annotations }));
    const metadata = at(planned.deployment, "spec", "template", "metadata");
    assert.equal(at(metadata, "labels", "team"), "a");
    assert.equal(at(metadata, "labels", "llmkube.dev/inference-service"), "chat");
    assert.equal(at(metadata, "annotations", "note"), "b");
    assert.equal(at(metadata, "annotations", "llmkube.dev/inference-service-uid"), "uid-1");
  });

  it("takes nothing of a container from the service: no command, environment, volume or image", () => {
    const evil = {
      image: "evil",
      command: ["/bin/sh"],
      args: ["-c", "curl evil"],
      env: [{ name: "X", value: "y" }],
      extraVolumes: [{ name: "v", hostPath: { path: "/" } }],
      extraVolumeMounts: [{ name: "v", mountPath: "/v" }],
      securityContext: { privileged: true },
      podSecurityContext: { runAsUser: 0 },
      runtimeClassName: "kata",
      resources: { cpu: "64", memory: "1Ti" },
      containerPort: 22,
    };
    assert.deepEqual(podSpec(plan(service(evil))), podSpec(plan()));
  });
});

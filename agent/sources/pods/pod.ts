import * as z from "zod";
import type { Result } from "../../../api/result.ts";
import { fail, ok } from "../../../api/result.ts";
import type { KubeObject } from "../../../kube/client.ts";
import { type WorkloadId, workloadId } from "../../workload/workload-id.ts";

const text = z.string();
const strings = z.record(text, text);

const terminatedSchema = z.looseObject({
  exitCode: z.int(),
  reason: text.optional(),
  message: text.optional(),
  signal: z.int().optional(),
  startedAt: text.nullish(),
  finishedAt: text.nullish(),
  containerID: text.optional(),
});

const stateSchema = z.looseObject({
  waiting: z.looseObject({ reason: text.optional(), message: text.optional() }).optional(),
  running: z.looseObject({ startedAt: text.nullish() }).optional(),
  terminated: terminatedSchema.optional(),
});

const containerStatusSchema = z.looseObject({
  name: text,
  ready: z.boolean().optional(),
  started: z.boolean().nullish(),
  restartCount: z.int().min(0).default(0),
  containerID: text.optional(),
  state: stateSchema.optional(),
  lastState: stateSchema.optional(),
});

const conditionSchema = z.looseObject({
  type: text,
  status: text,
  reason: text.optional(),
  message: text.optional(),
  lastTransitionTime: text.nullish(),
  observedGeneration: z.int().optional(),
});

const resourcesSchema = z.looseObject({ requests: strings.optional(), limits: strings.optional() });

const containerSchema = z.looseObject({
  name: text,
  image: text.optional(),
  ports: z
    .array(z.looseObject({ name: text.optional(), containerPort: z.int().optional(), hostPort: z.int().optional() }))
    .optional(),
  env: z
    .array(
      z.looseObject({
        name: text,
        valueFrom: z
          .looseObject({ secretKeyRef: z.looseObject({ name: text.optional(), key: text }).optional() })
          .optional(),
      }),
    )
    .optional(),
  resources: resourcesSchema.optional(),
});

export const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: text,
    namespace: text,
    uid: text.min(1),
    resourceVersion: text.optional(),
    generation: z.int().optional(),
    annotations: strings.optional(),
    ownerReferences: z
      .array(z.looseObject({ apiVersion: text, kind: text, name: text, uid: text, controller: z.boolean().optional() }))
      .optional(),
    deletionTimestamp: text.optional(),
    deletionGracePeriodSeconds: z.number().optional(),
  }),
  spec: z.looseObject({
    nodeName: text.optional(),
    hostNetwork: z.boolean().optional(),
    restartPolicy: text.optional(),
    priority: z.int().optional(),
    terminationGracePeriodSeconds: z.number().optional(),
    containers: z.array(containerSchema).min(1),
    initContainers: z.array(z.looseObject({ name: text })).optional(),
  }),
  status: z
    .looseObject({
      phase: text.optional(),
      reason: text.optional(),
      message: text.optional(),
      hostIP: text.optional(),
      hostIPs: z.array(z.looseObject({ ip: text })).optional(),
      podIP: text.optional(),
      podIPs: z.array(z.looseObject({ ip: text })).optional(),
      startTime: text.nullish(),
      observedGeneration: z.int().optional(),
      conditions: z.array(conditionSchema).optional(),
      containerStatuses: z.array(containerStatusSchema).optional(),
    })
    .default({}),
});

/** What is read of a pod that is bound to this node. Fields that are not named here are kept, and read by nobody. */
export type Pod = z.output<typeof podSchema>;
export type PodStatus = Pod["status"];
export type PodCondition = z.output<typeof conditionSchema>;
export type ContainerStatus = z.output<typeof containerStatusSchema>;
export type ContainerState = z.output<typeof stateSchema>;
export type Terminated = z.output<typeof terminatedSchema>;

/** Fails with one sentence where the API server sends something that is no pod. */
export function parsePod(object: KubeObject): Result<Pod> {
  const parsed = podSchema.safeParse(object);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  const { namespace, name } = object.metadata;
  return fail(
    `pod ${namespace ?? ""}/${name} cannot be read: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}`,
  );
}

/** A pod's UID is the identity of its workload: a successor of the same name is another one. */
export function idOfPod({ metadata }: Pod): WorkloadId {
  return workloadId(metadata.uid);
}

/** `namespace/name`. */
export function nameOfPod({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** A day: longer than any answer takes, and within what timers count. */
const LONGEST_GRACE_S = 86_400;

/** Milliseconds of a grace period that a pod or its deletion names. As in Kubernetes, a negative one is one second. */
export function graceMs(seconds: number): number {
  return Math.min(seconds < 0 ? 1 : seconds, LONGEST_GRACE_S) * 1000;
}

/** Whether it never runs again, whatever happens. */
export function isTerminal({ status }: Pod): boolean {
  return status.phase === "Failed" || status.phase === "Succeeded";
}

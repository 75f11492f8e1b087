import * as z from "zod";
import { MEMORY_CONDITION, POD_ANNOTATIONS } from "../../api/fleet.ts";
import type { KubeObject } from "../../kube/client.ts";

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
});

const podSchema = z.object({
  spec: z.object({ nodeName: z.string().nullish(), priority: z.int().nullish() }),
  status: z
    .object({
      phase: z.string().nullish(),
      reason: z.string().nullish(),
      message: z.string().nullish(),
      conditions: z.array(conditionSchema).nullish(),
      containerStatuses: z
        .array(
          z.object({
            state: z
              .object({
                waiting: z.object({ reason: z.string().nullish(), message: z.string().nullish() }).nullish(),
              })
              .nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});

/** A reason in one word, and a sentence. */
export interface Said {
  readonly reason: string;
  readonly message: string;
}

/** A replica as its pod says. */
export interface ReplicaView {
  readonly pod: string;
  /** Name of its Mac; undefined while it is not bound. */
  readonly mac: string | undefined;
  readonly isReady: boolean;
  readonly isLeaving: boolean;
  /** It has failed and is not started again: its controller makes another one. */
  readonly hasFailed: boolean;
  readonly priority: number | undefined;
  /** {@link POD_ANNOTATIONS}.settings */
  readonly settings: string | undefined;
  /** What the scheduler says while it finds no place. */
  readonly unscheduled: Said | undefined;
  /** What its Mac says while the server does not answer. */
  readonly waiting: Said | undefined;
  /** What its Mac says of its memory: a sentence of {@link MEMORY_CONDITION}, and whether it is inside its budget. */
  readonly memory: { readonly isWithin: boolean; readonly message: string } | undefined;
  readonly createdAt: string | undefined;
}

/** A pod of ours; undefined where it cannot be read, which no pod of an API server is. */
export function readReplica(pod: KubeObject): ReplicaView | undefined {
  const parsed = podSchema.safeParse(pod);
  if (!parsed.success) return undefined;
  const { spec, status } = parsed.data;
  const { metadata } = pod;
  const condition = (type: string) => status?.conditions?.find((one) => one.type === type);
  const scheduled = condition("PodScheduled");
  const memory = condition(MEMORY_CONDITION);
  const isReady = condition("Ready")?.status === "True";
  return {
    pod: metadata.name,
    mac: spec.nodeName || undefined,
    isReady: isReady && metadata.deletionTimestamp === undefined,
    isLeaving: metadata.deletionTimestamp !== undefined,
    hasFailed: status?.phase === "Failed" || status?.phase === "Succeeded",
    priority: spec.priority ?? undefined,
    settings: metadata.annotations?.[POD_ANNOTATIONS.settings],
    unscheduled: scheduled?.status === "False" ? said(scheduled) : undefined,
    waiting: isReady ? undefined : waitingOf(parsed.data),
    memory: memory && { isWithin: memory.status === "True", message: memory.message ?? "" },
    createdAt: metadata.creationTimestamp,
  };
}

type PodStatus = z.output<typeof podSchema>;

function waitingOf({ status }: PodStatus): Said | undefined {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting;
  if (waiting) return said(waiting);
  return status?.reason ? said({ reason: status.reason, message: status.message }) : undefined;
}

function said({ reason, message }: { reason?: string | null | undefined; message?: string | null | undefined }): Said {
  return { reason: reason || "Unknown", message: message ?? "" };
}

const deploymentSchema = z.object({
  spec: z.object({ replicas: z.int().nullish() }),
  status: z
    .object({
      replicas: z.int().nullish(),
      readyReplicas: z.int().nullish(),
      updatedReplicas: z.int().nullish(),
      conditions: z.array(conditionSchema).nullish(),
    })
    .nullish(),
});

/** A Deployment as its status says. */
export interface DeploymentView {
  /** Pods that it is told to have. */
  readonly replicas: number;
  readonly existing: number;
  readonly ready: number;
  readonly updated: number;
  /** Why it cannot make pods: a quota that is full, a rule of the namespace. */
  readonly refusal: Said | undefined;
}

/** Undefined where it cannot be read, which no Deployment of an API server is. */
export function readDeployment(deployment: KubeObject): DeploymentView | undefined {
  const parsed = deploymentSchema.safeParse(deployment);
  if (!parsed.success) return undefined;
  const { spec, status } = parsed.data;
  const refusal = status?.conditions?.find(({ type, status: holds }) => type === "ReplicaFailure" && holds === "True");
  return {
    replicas: spec.replicas ?? 1,
    existing: status?.replicas ?? 0,
    ready: status?.readyReplicas ?? 0,
    updated: status?.updatedReplicas ?? 0,
    refusal: refusal && said(refusal),
  };
}

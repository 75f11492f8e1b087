import * as z from "zod";
import type { KubeObject } from "../../kube/client.ts";

/** What Kubernetes says of a Deployment of ours. */
export interface DeploymentFacts {
  readonly wanted: number;
  readonly replicas: number;
  readonly ready: number;
  readonly updated: number;
  /** Why a pod could not even be created, in the API server's words: a quota, a LimitRange, a policy. */
  readonly creationFailure: string | undefined;
}

const count = z.int().min(0).optional();
const schema = z.object({
  spec: z.object({ replicas: count }),
  status: z
    .object({
      replicas: count,
      readyReplicas: count,
      updatedReplicas: count,
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
        .optional(),
    })
    .optional(),
});

/** Of a Deployment that is not there, or says nothing readable: no replicas. */
export function deploymentFacts(deployment: KubeObject | undefined): DeploymentFacts {
  const read = schema.safeParse(deployment ?? {});
  if (!read.success) return { wanted: 0, replicas: 0, ready: 0, updated: 0, creationFailure: undefined };
  const { spec, status = {} } = read.data;
  const failure = status.conditions?.find(({ type, status: holds }) => type === "ReplicaFailure" && holds === "True");
  return {
    wanted: spec.replicas ?? 1,
    replicas: status.replicas ?? 0,
    ready: status.readyReplicas ?? 0,
    updated: status.updatedReplicas ?? 0,
    creationFailure: failure?.message,
  };
}

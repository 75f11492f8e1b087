import * as z from "zod";
import { CONTAINER_NAME, MEMORY_CONDITION, POD_ANNOTATIONS } from "../../api/fleet.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";

/** A pod of a model, as far as its service's status and its own size need it. */
export interface PodView {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** `namespace/name` of the InferenceService. */
  readonly service: string;
  /** `settingsHash` that it was made for. */
  readonly settings: string;
  readonly node: string | undefined;
  readonly phase: string;
  readonly isDeleting: boolean;
  readonly isReady: boolean;
  /** `requests.memory`, as it is written. */
  readonly memoryRequest: string | undefined;
  /** Of its PriorityClass. */
  readonly priority: number;
  /** Ports that it takes of its Mac. */
  readonly ports: readonly number[];
  /** Why it has no Mac, in the scheduler's words. */
  readonly unscheduled: string | undefined;
  /** Why it is over, or why its container waits. */
  readonly reason: string | undefined;
  readonly message: string | undefined;
  /** What its agent says of its memory. */
  readonly memory: { readonly isWithinBudget: boolean; readonly message: string } | undefined;
}

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const podSchema = z.object({
  spec: z.object({
    nodeName: z.string().optional(),
    priority: z.int().optional(),
    containers: z.array(
      z.object({
        name: z.string(),
        ports: z.array(z.object({ hostPort: z.int().optional() })).optional(),
        resources: z.object({ requests: z.record(z.string(), z.string()).optional() }).optional(),
      }),
    ),
  }),
  status: z
    .object({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      conditions: z.array(conditionSchema).optional(),
      containerStatuses: z
        .array(
          z.object({
            state: z
              .object({
                waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
              })
              .optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

export function podView(object: KubeObject): Result<PodView> {
  const { name, namespace = "", uid = "", annotations = {}, deletionTimestamp } = object.metadata;
  const pod = podSchema.safeParse(object);
  if (!pod.success) return fail(`Pod ${namespace}/${name}: ${z.prettifyError(pod.error)}`);
  const { spec, status = {} } = pod.data;
  const condition = (type: string) => status.conditions?.find((one) => one.type === type);
  const [scheduled, memory] = [condition("PodScheduled"), condition(MEMORY_CONDITION)];
  const waiting = status.containerStatuses?.[0]?.state?.waiting;
  const container = spec.containers.find((one) => one.name === CONTAINER_NAME);
  return ok({
    name,
    namespace,
    uid,
    service: `${namespace}/${annotations[POD_ANNOTATIONS.service] ?? ""}`,
    settings: annotations[POD_ANNOTATIONS.settings] ?? "",
    node: spec.nodeName,
    phase: status.phase ?? "Pending",
    isDeleting: deletionTimestamp !== undefined,
    isReady: condition("Ready")?.status === "True",
    memoryRequest: container?.resources?.requests?.["memory"],
    priority: spec.priority ?? 0,
    ports: spec.containers.flatMap(({ ports = [] }) => ports.flatMap(({ hostPort }) => hostPort ?? [])),
    unscheduled: scheduled?.status === "False" ? scheduled.message : undefined,
    reason: status.reason ?? waiting?.reason,
    message: status.message ?? waiting?.message,
    memory: memory && { isWithinBudget: memory.status === "True", message: memory.message ?? "" },
  });
}

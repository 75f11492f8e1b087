import * as z from "zod";
import type { KubeObject } from "../../kube/client.ts";

/** What the agent reads of its Node as the API server has it. Everything else passes through unseen. */
const liveNodeSchema = z.object({
  metadata: z.object({
    uid: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z
    .object({
      taints: z.array(z.object({ key: z.string(), value: z.string().optional(), effect: z.string() })).default([]),
    })
    .prefault({}),
  status: z
    .object({
      capacity: z.record(z.string(), z.string()).default({}),
      allocatable: z.record(z.string(), z.string()).default({}),
      addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
      daemonEndpoints: z.object({ kubeletEndpoint: z.object({ Port: z.int() }).default({ Port: 0 }) }).prefault({}),
      nodeInfo: z.record(z.string(), z.unknown()).default({}),
      images: z
        .array(z.object({ names: z.array(z.string()).default([]), sizeBytes: z.number().default(0) }))
        .default([]),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().default(""),
            message: z.string().default(""),
            lastTransitionTime: z.string().nullish(),
          }),
        )
        .default([]),
    })
    .prefault({}),
});

export type LiveNode = z.output<typeof liveNodeSchema>;

/** Undefined for what is no Node, which the API server never sends. */
export function liveNode(object: KubeObject): LiveNode | undefined {
  const parsed = liveNodeSchema.safeParse(object);
  return parsed.success ? parsed.data : undefined;
}

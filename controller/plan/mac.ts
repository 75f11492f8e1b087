import * as z from "zod";
import { MAC_OS_LABEL_VALUE, NODE_LABELS } from "../../api/fleet.ts";
import { quantityBytes } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { Host } from "../../memory/placement/host.ts";

const nodeSchema = z.object({
  spec: z
    .object({
      unschedulable: z.boolean().nullish(),
      taints: z.array(z.object({ key: z.string(), value: z.string().nullish(), effect: z.string() })).nullish(),
    })
    .nullish(),
  status: z
    .object({
      allocatable: z.record(z.string(), z.string()).nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .nullish(),
});

/** Kubernetes' own default of pods a node. */
const PODS = 110;

/** Whether a Node is a Mac, or stands in for one. */
export function isMac(node: KubeObject): boolean {
  return node.metadata.labels?.[NODE_LABELS.os] === MAC_OS_LABEL_VALUE;
}

/** A Mac as placement sees it. Fails where its memory is not said, or is nonsense: nothing is counted on such a Mac. */
export function readMac(node: KubeObject): Result<Host> {
  const { name, labels = {} } = node.metadata;
  const parsed = nodeSchema.safeParse(node);
  if (!parsed.success) return fail(`Node ${name}: ${parsed.error.issues[0]?.message ?? "it cannot be read"}`);
  const { spec, status } = parsed.data;
  const memory = quantityBytes(status?.allocatable?.["memory"] ?? "");
  if (typeof memory !== "bigint" || memory < 0n)
    return fail(`Node ${name} does not say how much memory is allocatable`);
  const pods = Number(status?.allocatable?.["pods"] ?? PODS);
  return ok({
    name,
    allocatableBytes: Number(memory),
    allocatablePods: Number.isSafeInteger(pods) && pods >= 0 ? pods : PODS,
    memoryMiB: wholeLabel(labels[NODE_LABELS.memoryMiB]),
    workingSetMiB: wholeLabel(labels[NODE_LABELS.workingSetMiB]),
    labels,
    taints: (spec?.taints ?? []).map(({ key, value, effect }) => ({ key, value: value ?? "", effect })),
    unschedulable: spec?.unschedulable === true,
    isReady: status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
  });
}

function wholeLabel(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

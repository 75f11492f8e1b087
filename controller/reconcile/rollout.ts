import * as z from "zod";
import { POD_ANNOTATIONS } from "../../api/fleet.ts";
import { formatBytes, quantityBytes } from "../../api/quantity.ts";
import type { KubeObject } from "../../kube/client.ts";

const schema = z.object({
  spec: z.object({
    replicas: z.int().optional(),
    template: z.object({
      metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
      spec: z.object({
        containers: z.tuple([z.object({ resources: z.object({ requests: z.object({ memory: z.string() }) }) })]),
      }),
    }),
  }),
});

/**
 * Why a plan replaces the pods that a Deployment has; undefined: it does not, or for a reason that a person sees in the manifest itself.
 * The memory that a pod requests cannot be changed while it runs: kube-apiserver 1.36 resizes pods on Linux nodes only.
 */
export function rolloutReason(planned: KubeObject, live: KubeObject | undefined): string | undefined {
  const [after, before] = [partsOf(planned), partsOf(live)];
  if (after === undefined || before === undefined || before.replicas === 0) return undefined;
  if (after.settings !== before.settings) return "a setting of its server, or its weights, changed";
  if (after.memory === before.memory) return undefined;
  return `the memory that a replica needs changed from ${bytesText(before.memory)} to ${bytesText(after.memory)}`;
}

function partsOf(deployment: KubeObject | undefined) {
  const parsed = schema.safeParse(deployment);
  if (!parsed.success) return undefined;
  const { replicas = 1, template } = parsed.data.spec;
  return {
    replicas,
    settings: template.metadata.annotations[POD_ANNOTATIONS.settings],
    memory: template.spec.containers[0].resources.requests.memory,
  };
}

function bytesText(quantity: string): string {
  const bytes = quantityBytes(quantity);
  return typeof bytes === "bigint" ? formatBytes(Number(bytes)) : quantity;
}

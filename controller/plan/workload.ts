import * as z from "zod";
import { WEIGHTS_LABEL_PREFIX, weightsKey } from "../../api/fleet.ts";
import type { Model } from "../../api/model.ts";
import { quantityBytes } from "../../api/quantity.ts";
import type { KubeObject } from "../../kube/client.ts";
import { podAsks } from "../../memory/placement/pod-spec.ts";
import type { Workload } from "../../memory/placement/workload.ts";

const podSpecSchema = z.looseObject({
  containers: z
    .array(
      z.object({
        ports: z.array(z.object({ hostPort: z.int() })).min(1),
        resources: z.object({ requests: z.object({ memory: z.string() }) }),
      }),
    )
    .min(1),
});

const deploymentSchema = z.object({ spec: z.object({ template: z.object({ spec: podSpecSchema }) }) });

/**
 * A service as placement sees it, read from the Deployment that was planned for it, so that it is what the scheduler will see; undefined
 * where the service's own affinity or tolerations are of a form that is not known here: of them nothing can be foreseen.
 *
 * @param priority of its pods
 */
export function workloadOf(deployment: KubeObject, model: Model, priority: number): Workload | undefined {
  const parsed = deploymentSchema.safeParse(deployment);
  if (!parsed.success) return undefined;
  const podSpec = parsed.data.spec.template.spec;
  const asks = podAsks(podSpec);
  const [container] = podSpec.containers;
  const needBytes = quantityBytes(container?.resources.requests.memory ?? "");
  const port = container?.ports[0]?.hostPort;
  if (asks === undefined || typeof needBytes !== "bigint" || port === undefined) return undefined;
  const { namespace, name } = deployment.metadata;
  return {
    name: `${namespace}/${name}`,
    needBytes: Number(needBytes),
    port,
    priority,
    ...asks,
    weightsLabel: WEIGHTS_LABEL_PREFIX + weightsKey(model.spec),
  };
}

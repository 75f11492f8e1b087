import * as z from "zod";
import { WEIGHTS_LABEL_PREFIX, weightsKey } from "../../api/fleet.ts";
import type { Model } from "../../api/model.ts";
import { quantityBytes } from "../../api/quantity.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { Workload } from "../../memory/placement/workload.ts";

const requirementSchema = z.object({
  key: z.string(),
  operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
  values: z.array(z.string()).optional(),
});

const termSchema = z.object({
  matchExpressions: z.array(requirementSchema).optional(),
  matchFields: z.array(requirementSchema).optional(),
});

const requiredOnly = z.object({ requiredDuringSchedulingIgnoredDuringExecution: z.array(z.unknown()).optional() });

const podSpecSchema = z.object({
  containers: z
    .array(
      z.object({
        ports: z.array(z.object({ hostPort: z.int() })).min(1),
        resources: z.object({ requests: z.object({ memory: z.string() }) }),
      }),
    )
    .min(1),
  nodeSelector: z.record(z.string(), z.string()).optional(),
  tolerations: z
    .array(
      z.object({
        key: z.string().optional(),
        operator: z.enum(["Equal", "Exists"]).optional(),
        value: z.string().optional(),
        effect: z.string().optional(),
      }),
    )
    .optional(),
  affinity: z
    .object({
      nodeAffinity: z
        .object({
          requiredDuringSchedulingIgnoredDuringExecution: z
            .object({ nodeSelectorTerms: z.array(termSchema) })
            .optional(),
        })
        .optional(),
      podAffinity: requiredOnly.optional(),
      podAntiAffinity: requiredOnly.optional(),
    })
    .optional(),
  topologySpreadConstraints: z.array(z.object({ whenUnsatisfiable: z.string() })).optional(),
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
  const {
    containers,
    nodeSelector = {},
    tolerations = [],
    affinity,
    topologySpreadConstraints = [],
  } = parsed.data.spec.template.spec;
  const [container] = containers;
  const needBytes = quantityBytes(container?.resources.requests.memory ?? "");
  const port = container?.ports[0]?.hostPort;
  if (typeof needBytes !== "bigint" || port === undefined) return undefined;
  const { namespace, name } = deployment.metadata;
  const aboutPods = [affinity?.podAffinity, affinity?.podAntiAffinity];
  return {
    name: `${namespace}/${name}`,
    needBytes: Number(needBytes),
    port,
    priority,
    demands: {
      nodeSelector,
      terms: affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
      tolerations,
    },
    weightsLabel: WEIGHTS_LABEL_PREFIX + weightsKey(model.spec),
    hasOtherRules:
      aboutPods.some((rules) => (rules?.requiredDuringSchedulingIgnoredDuringExecution?.length ?? 0) > 0) ||
      topologySpreadConstraints.some(({ whenUnsatisfiable }) => whenUnsatisfiable !== "ScheduleAnyway"),
  };
}

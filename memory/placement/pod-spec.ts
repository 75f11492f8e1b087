import * as z from "zod";
import type { Demands } from "./demands.ts";

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

/** What a pod's spec asks, as placement sees it. */
export interface PodAsks {
  readonly demands: Demands;
  /** Rules about other pods, or spreading that must hold, which are not looked at here. */
  readonly hasOtherRules: boolean;
}

/** Undefined where its affinity or tolerations are of a form that is not known here: of such a pod nothing can be foreseen. */
export function podAsks(podSpec: unknown): PodAsks | undefined {
  const parsed = podSpecSchema.safeParse(podSpec);
  if (!parsed.success) return undefined;
  const { nodeSelector = {}, tolerations = [], affinity, topologySpreadConstraints = [] } = parsed.data;
  const aboutPods = [affinity?.podAffinity, affinity?.podAntiAffinity];
  return {
    demands: {
      nodeSelector,
      terms: affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
      tolerations,
    },
    hasOtherRules:
      aboutPods.some((rules) => (rules?.requiredDuringSchedulingIgnoredDuringExecution?.length ?? 0) > 0) ||
      topologySpreadConstraints.some(({ whenUnsatisfiable }) => whenUnsatisfiable !== "ScheduleAnyway"),
  };
}

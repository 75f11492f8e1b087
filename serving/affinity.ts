import * as z from "zod";
import { NODE_LABELS, WEIGHTS_LABEL_PREFIX } from "../api/fleet.ts";
import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { leastMemoryMiB, wholeMiB } from "../memory/placement/least-memory.ts";

const termSchema = z.looseObject({
  matchExpressions: z.array(z.unknown()).nullish(),
  matchFields: z.array(z.unknown()).nullish(),
});

const affinitySchema = z.looseObject({
  nodeAffinity: z
    .looseObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .looseObject({ nodeSelectorTerms: z.array(termSchema).min(1) })
        .nullish(),
      preferredDuringSchedulingIgnoredDuringExecution: z.array(z.unknown()).nullish(),
    })
    .nullish(),
});

type Term = z.output<typeof termSchema>;

/** What a pod asks of the Macs that it may be put on. */
export interface NodeNeeds {
  /** Whole bytes that one replica needs. */
  readonly needBytes: number;
  /** `memoryFraction`; undefined where it does not count, since there is a `memoryBudget` or neither. */
  readonly fraction: number | undefined;
  readonly weightsKey: string;
}

/** The most that a preference can weigh. */
const WEIGHT = 100;

/**
 * The affinity of a service's pods: its own, and beside that a preference for Macs that have the weights, and for a fraction the demand
 * that a Mac's memory times the fraction, and its working set, hold the need. Fails where its own is not of the shape that Kubernetes wants.
 */
export function mergedAffinity(spec: InferenceServiceSpec, needs: NodeNeeds): Result<object> {
  const parsed = affinitySchema.safeParse(spec.affinity ?? {});
  if (!parsed.success) {
    const where = ["spec.affinity", ...(parsed.error.issues[0]?.path ?? [])].join(".");
    return fail(`${where} is not what Kubernetes knows as a pod's affinity; see kubectl explain pod.spec.affinity`);
  }
  const { nodeAffinity, ...others } = parsed.data;
  const {
    requiredDuringSchedulingIgnoredDuringExecution: required,
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
    ...unknown
  } = nodeAffinity ?? {};
  const holdsWeights = { key: WEIGHTS_LABEL_PREFIX + needs.weightsKey, operator: "Exists" };
  const terms = bothOf(required?.nodeSelectorTerms, memoryTerms(needs));
  return ok({
    ...others,
    nodeAffinity: {
      ...unknown,
      ...(terms.length > 0 && {
        requiredDuringSchedulingIgnoredDuringExecution: { ...required, nodeSelectorTerms: terms },
      }),
      preferredDuringSchedulingIgnoredDuringExecution: [
        ...(preferred ?? []),
        { weight: WEIGHT, preference: { matchExpressions: [holdsWeights] } },
      ],
    },
  });
}

/** One of these must hold; none where the budget is not a fraction. A machine without Metal has no label of a working set. */
export function memoryTerms({ needBytes, fraction }: Pick<NodeNeeds, "needBytes" | "fraction">): readonly Term[] {
  if (fraction === undefined) return [];
  const memory = atLeast(NODE_LABELS.memoryMiB, leastMemoryMiB(needBytes, fraction));
  const workingSet = NODE_LABELS.workingSetMiB;
  return [
    { matchExpressions: [memory, atLeast(workingSet, wholeMiB(needBytes))] },
    { matchExpressions: [memory, { key: workingSet, operator: "DoesNotExist" }] },
  ];
}

/** Kubernetes compares labels with "more than" only. */
function atLeast(key: string, value: number): object {
  return { key, operator: "Gt", values: [String(value - 1)] };
}

/** Terms of which one holds exactly where one of each list does. An empty term matches nothing, and goes on to match nothing. */
function bothOf(theirs: readonly Term[] | undefined, ours: readonly Term[]): readonly Term[] {
  if (theirs === undefined || ours.length === 0) return theirs ?? ours;
  const matching = theirs.filter(
    ({ matchExpressions, matchFields }) => (matchExpressions?.length ?? 0) + (matchFields?.length ?? 0) > 0,
  );
  if (matching.length === 0) return theirs;
  return matching.flatMap((their) =>
    ours.map((our) => ({
      ...their,
      matchExpressions: [...(their.matchExpressions ?? []), ...(our.matchExpressions ?? [])],
    })),
  );
}

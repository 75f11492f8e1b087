import { kubeTime } from "./times.ts";

/** `metav1.Condition`. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number | undefined;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
}

/** A condition as its writer wants it; the time follows from the one that is there. */
export type WantedCondition = Omit<Condition, "lastTransitionTime">;

/** What is read of a condition that somebody wrote. */
export type KnownCondition = Partial<Omit<Condition, "status">> & { readonly type: string; readonly status?: string };

/**
 * The conditions of one writer, in the order in which it wants them: `lastTransitionTime` stays unless the status flips. Those of other
 * writers are not among them: each writer applies its own, all of them each time.
 *
 * @param now milliseconds since 1970
 */
export function setConditions(
  existing: readonly KnownCondition[],
  wanted: readonly WantedCondition[],
  now: number,
): readonly Condition[] {
  return wanted.map((condition) => {
    const known = existing.find(({ type }) => type === condition.type);
    const kept = known?.status === condition.status ? known.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: kept ?? kubeTime(now) };
  });
}

/** Whether an object has these conditions already, so that nothing needs to be written. Those of other types do not count. */
export function hasConditions(existing: readonly KnownCondition[], wanted: readonly WantedCondition[]): boolean {
  return wanted.every((condition) => {
    const known = existing.find(({ type }) => type === condition.type);
    return (
      known?.status === condition.status &&
      known.reason === condition.reason &&
      known.message === condition.message &&
      known.observedGeneration === condition.observedGeneration &&
      known.lastTransitionTime !== undefined
    );
  });
}

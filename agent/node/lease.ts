import type { KubeClient, KubeFailure } from "../../kube/client.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { LEASE_SECONDS, leaseStep, type Observed, RENEW_MS } from "./holder.ts";
import { ANSWER_MS, leaseOf } from "./lease-object.ts";

export interface LeaseOptions {
  /** Has a connection that nothing else uses. */
  readonly client: KubeClient;
  /** Name of the Node. */
  readonly name: string;
  /** Made by `holderOf`. */
  readonly holder: string;
  /** The Node that the Lease goes with; undefined before it is registered. */
  readonly nodeUid: () => string | undefined;
  /** Why this agent cannot be relied on; undefined while its own checks are clean. The Lease is renewed only then. */
  readonly trouble: () => string | undefined;
  /** A renewal got no answer: other connections to the API server may be half-open, too, and are to be closed. */
  readonly unanswered: () => void;
  /** The name became this agent's, or is so no more. */
  readonly changed: () => void;
  /** Another agent that lives has the name. Gets one sentence: this agent should end, and leave what it serves. */
  readonly refused: (sentence: string) => void;
  /** Whether a person has told the agent to end with its servers: only then is the name given back. */
  readonly ending: () => boolean;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Milliseconds since 1970, as this Mac believes. */
  readonly wall: () => number;
}

export interface NodeLease {
  readonly runnable: Runnable;
  /** Whether the name is this agent's. Only then may it write about the Node and its pods. */
  readonly isHeld: () => boolean;
  /** Whether the API server has not yet said whose the name is. */
  readonly isUnheard: () => boolean;
  /** Renews it now, for a Node that was registered anew. */
  readonly renewNow: () => void;
  readonly problems: () => readonly string[];
}

/** Between two tries of a renewal that failed. */
const RETRY_MS = { first: 1000, longest: RENEW_MS };
/** Between two looks at the Lease of another agent: more often than it is renewed. */
const LOOK_MS = 5000;
/** Renewals of many Macs that started together drift apart. */
const JITTER = 0.04;

/** The Lease of the Node in kube-node-lease: its renewals are the sign by which Kubernetes knows that the Mac lives. */
export function nodeLease(options: LeaseOptions): NodeLease {
  const { client, name, holder, nodeUid, clock, wall } = options;
  const alarm = alarmClock();
  const lease = leaseOf(client, name, nodeUid, wall);
  let held = false;
  let heard = false;
  let observed: Observed | undefined;
  let renewedAt: number | undefined;
  let failures = 0;
  let problem: string | undefined;

  const setHeld = (now: boolean) => {
    if (held === now) return;
    held = now;
    options.changed();
  };
  const failed = (failure: KubeFailure): number => {
    failures += 1;
    // Without a status there was no answer at all. While nobody answers, one time is enough.
    if (failure.kind === "unavailable" && failure.status === undefined && failures === 1) options.unanswered();
    problem = `the Lease of the Node ${name} cannot be renewed: ${failure.error}`;
    return Math.min(failure.retryAfterMs ?? RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.longest);
  };
  const renew = async (signal: AbortSignal): Promise<number> => {
    if (options.trouble() !== undefined) return RETRY_MS.first;
    const answer = await lease.renew(holder, signal);
    if (answer.ok) {
      failures = 0;
      problem = undefined;
      renewedAt = clock();
      setHeld(true);
      return RENEW_MS * (1 + Math.random() * JITTER);
    }
    // Somebody else wrote it, or it is gone: what it is now decides, at once.
    const isOther = answer.kind === "conflict" || (answer.kind === "not-found" && lease.live() !== undefined);
    if (isOther || answer.kind === "not-found") lease.doubt();
    return isOther ? 0 : failed(answer);
  };
  /** One step; the value is the milliseconds until the next. */
  const step = async (signal: AbortSignal): Promise<number> => {
    if (!lease.isKnown()) {
      const answer = await lease.look(signal);
      if (!answer.ok) return failed(answer);
    }
    heard = true;
    const next = leaseStep(lease.live(), holder, observed, clock());
    observed = next.step === "watch" ? next.observed : undefined;
    if (next.step === "take") return renew(signal);
    setHeld(false);
    failures = 0;
    lease.doubt();
    problem = takenSentence(name, next.step);
    if (next.step === "refuse") options.refused(problem);
    return LOOK_MS;
  };

  const run = async (signal: AbortSignal) => {
    whenAborted(signal, alarm.ring);
    while (!signal.aborted) await alarm.wait(await step(signal));
    if (held && options.ending()) await lease.renew("", AbortSignal.timeout(ANSWER_MS));
  };
  const isOverdue = () => renewedAt === undefined || clock() - renewedAt > (LEASE_SECONDS * 1000) / 2;
  return {
    runnable: { name: `the Lease of the Node ${name}`, run },
    isHeld: () => held,
    isUnheard: () => !heard,
    renewNow: alarm.ring,
    problems: () => (problem !== undefined && (isOverdue() || !held) ? [problem] : []),
  };
}

function takenSentence(name: string, step: "watch" | "refuse"): string {
  return step === "watch"
    ? `the Node ${name} was another agent's: this one waits until that has been silent for ${LEASE_SECONDS} s`
    : `another agent runs as the Node ${name}: stop it, or give this Mac a kubeconfig and a name of its own`;
}

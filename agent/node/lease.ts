import * as z from "zod";
import type { KubeClient, KubeFailure, KubeObject } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import {
  LEASE_SECONDS,
  type LiveLease,
  leaseStep,
  microseconds,
  microTime,
  type Observed,
  RENEW_MS,
  renewalTime,
} from "./holder.ts";

/** Where Kubernetes looks for the Leases of Nodes. */
export const LEASE_NAMESPACE = "kube-node-lease";

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
  /** Whether a person has told the agent to end: only then is the name given back. */
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
  /** Renews it now, for a Node that was registered anew. */
  readonly renewNow: () => void;
  readonly problems: () => readonly string[];
}

/** A renewal that takes longer got no answer. Three of them fit into the Lease, with time between. */
const ANSWER_MS = 5000;
/** Between two tries of a renewal that failed. */
const RETRY_MS = { first: 1000, longest: RENEW_MS };
/** Between two looks at the Lease of another agent: more often than it is renewed. */
const LOOK_MS = 5000;
/** Renewals of many Macs that started together drift apart. */
const JITTER = 0.04;

const leaseSchema = z.object({
  metadata: z.object({ name: z.string(), resourceVersion: z.string() }),
  spec: z.object({ holderIdentity: z.string().nullish(), renewTime: z.string().nullish() }).prefault({}),
});

/** The Lease of the Node in kube-node-lease: its renewals are the sign by which Kubernetes knows that the Mac lives. */
export function nodeLease(options: LeaseOptions): NodeLease {
  const { client, name, holder, nodeUid, clock, wall } = options;
  const ref = { namespace: LEASE_NAMESPACE, name };
  const alarm = alarmClock();
  let live: KubeObject | undefined;
  let isKnown = false;
  let held = false;
  let observed: Observed | undefined;
  let renewedAt: number | undefined;
  let lastTime: number | undefined;
  let failures = 0;
  let problem: string | undefined;

  const setHeld = (now: boolean) => {
    if (held === now) return;
    held = now;
    options.changed();
  };
  const saw = (object: KubeObject | undefined) => {
    live = object;
    isKnown = true;
  };
  const failed = (failure: KubeFailure): number => {
    failures += 1;
    // Without a status there was no answer at all. While nobody answers, one time is enough.
    if (failure.kind === "unavailable" && failure.status === undefined && failures === 1) options.unanswered();
    problem = `the Lease of the Node ${name} cannot be renewed: ${failure.error}`;
    const backOff = Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.longest);
    return Math.min(failure.retryAfterMs ?? backOff, RETRY_MS.longest);
  };

  const write = async (holderIdentity: string, signal: AbortSignal) => {
    const time = renewalTime(maximum(lastTime, microseconds(parsed(live)?.renewTime)), wall());
    const object = leaseObject({ live, name, holderIdentity, nodeUid: nodeUid(), time });
    const call = live === undefined ? client.create : client.replace;
    const answer = await call(KINDS.lease, object, { signal, timeoutMs: ANSWER_MS });
    if (answer.ok) {
      saw(answer.value);
      lastTime = time;
    }
    return answer;
  };

  /** One step; the value is the milliseconds until the next. */
  const step = async (signal: AbortSignal): Promise<number> => {
    if (!isKnown) {
      const answer = await client.get(KINDS.lease, ref, { signal, timeoutMs: ANSWER_MS });
      if (!answer.ok && answer.kind !== "not-found") return failed(answer);
      saw(answer.ok ? answer.value : undefined);
    }
    const next = leaseStep(parsed(live), holder, observed, clock());
    observed = next.step === "watch" ? next.observed : undefined;
    if (next.step !== "take") {
      setHeld(false);
      failures = 0;
      isKnown = false;
      problem = takenSentence(name, next.step);
      if (next.step === "refuse") options.refused(problem);
      return LOOK_MS;
    }
    if (options.trouble() !== undefined) return RETRY_MS.first;
    const answer = await write(holder, signal);
    if (answer.ok) {
      failures = 0;
      problem = undefined;
      renewedAt = clock();
      setHeld(true);
      return RENEW_MS * (1 + Math.random() * JITTER);
    }
    // Somebody else wrote it, or it is gone: what it is now decides.
    if (answer.kind === "conflict" || answer.kind === "not-found") isKnown = false;
    // A Lease that is gone while its namespace is there is made anew at once.
    if (answer.kind === "conflict" || (answer.kind === "not-found" && live !== undefined)) return 0;
    return failed(answer);
  };

  const run = async (signal: AbortSignal) => {
    whenAborted(signal, alarm.ring);
    while (!signal.aborted) await alarm.wait(await step(signal));
    if (held && options.ending()) await write("", AbortSignal.timeout(ANSWER_MS));
  };
  const isOverdue = () => renewedAt === undefined || clock() - renewedAt > (LEASE_SECONDS * 1000) / 2;
  return {
    runnable: { name: `the Lease of the Node ${name}`, run },
    isHeld: () => held,
    renewNow: alarm.ring,
    problems: () => (problem !== undefined && (isOverdue() || !held) ? [problem] : []),
  };
}

function parsed(object: KubeObject | undefined): LiveLease | undefined {
  const lease = leaseSchema.safeParse(object).data;
  if (lease === undefined) return undefined;
  const { holderIdentity, renewTime } = lease.spec;
  return {
    resourceVersion: lease.metadata.resourceVersion,
    holder: holderIdentity ?? "",
    renewTime: renewTime ?? undefined,
  };
}

interface Written {
  readonly live: KubeObject | undefined;
  readonly name: string;
  readonly holderIdentity: string;
  readonly nodeUid: string | undefined;
  /** Microseconds since 1970. */
  readonly time: number;
}

/** With the resource version of what was seen: two agents never both take it. */
function leaseObject({ live, name, holderIdentity, nodeUid, time }: Written): KubeObject {
  const { managedFields: _, ...known } = live?.metadata ?? { name, namespace: LEASE_NAMESPACE };
  const ownerReferences = nodeUid === undefined ? [] : [{ apiVersion: "v1", kind: "Node", name, uid: nodeUid }];
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { ...known, ownerReferences },
    spec: { holderIdentity, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime(time) },
  };
}

function maximum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

function takenSentence(name: string, step: "watch" | "refuse"): string {
  return step === "watch"
    ? `the Node ${name} was another agent's: this one waits until that has been silent for ${LEASE_SECONDS} s`
    : `another agent runs as the Node ${name}: stop it, or give this Mac a kubeconfig and a name of its own`;
}

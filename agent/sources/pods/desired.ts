import type { Desired } from "../../workload/desired.ts";
import { resolveService } from "../../workload/resolve.ts";
import type { HostFacts } from "../../workload/workload.ts";
import type { WorkloadId } from "../../workload/workload-id.ts";
import { acceptPod, type Lookup, UNHEARD } from "./accept.ts";
import { type PodClaim, readClaim } from "./claim.ts";
import { graceMs, idOfPod, isTerminal, nameOfPod, type Pod } from "./pod.ts";

/** Whether the API keys of a pod are on this machine's disk, and where. */
export type KeysOf = (pod: Pod, claim: PodClaim) => KeysFound;

export type KeysFound =
  | { readonly is: "there"; readonly path: string }
  | { readonly is: "missing" | "unheard"; readonly message: string };

/** What decides, beside the pods, what is wanted. */
export interface Surroundings {
  readonly nodeName: string;
  /** The address that servers listen on; undefined without a network. */
  readonly listenHost: string | undefined;
  /** Whether the name of this node is this agent's. */
  readonly mayStart: boolean;
  readonly host: HostFacts;
  readonly lookup: Lookup;
  readonly keysOf: KeysOf;
  /** The workloads that have a process, and the port of each. */
  readonly running: ReadonlyMap<WorkloadId, number>;
}

/** What is wanted, by the UID of the pod that wants it. */
export function desiredOfPods(pods: Iterable<Pod>, surroundings: Surroundings): ReadonlyMap<WorkloadId, Desired> {
  const wanted = new Map<WorkloadId, Desired>();
  for (const pod of pods) wanted.set(idOfPod(pod), desiredOfPod(pod, surroundings));
  return wanted;
}

function desiredOfPod(pod: Pod, surroundings: Surroundings): Desired {
  const { metadata, status } = pod;
  const reading = readClaim(pod, surroundings.nodeName);
  const name = reading.is === "claim" ? `${reading.claim.namespace}/${reading.claim.service}` : nameOfPod(pod);
  if (metadata.deletionTimestamp !== undefined) {
    const seconds = metadata.deletionGracePeriodSeconds;
    const grace = seconds === undefined ? {} : { gracePeriodMs: graceMs(seconds) };
    return { kind: "stopped", name, message: "its pod is being deleted", ...grace };
  }
  if (isTerminal(pod)) {
    return {
      kind: "stopped",
      name,
      message: `its pod has ended${status.reason === undefined ? "" : ` (${status.reason})`}`,
    };
  }
  if (reading.is === "refused") return refusedPod(name, reading.reason, reading.message);
  return desiredOfClaim(pod, reading.claim, name, surroundings);
}

function desiredOfClaim(pod: Pod, claim: PodClaim, name: string, surroundings: Surroundings): Desired {
  const { listenHost, host, lookup, keysOf, running, mayStart } = surroundings;
  const accepted = acceptPod(claim, lookup);
  if (accepted.is === "refused") return refusedPod(name, accepted.reason, accepted.message);
  if (accepted.is === "undecided") return { kind: "unknown", name, reason: accepted.reason, message: accepted.message };
  const id = idOfPod(pod);
  const keys = keysOf(pod, claim);
  if (keys.is !== "there") {
    return {
      kind: "unknown",
      name,
      reason: keys.is === "unheard" ? UNHEARD : "SecretNotFound",
      message: keys.message,
    };
  }
  if (listenHost === undefined) {
    return { kind: "unknown", name, reason: "NoNetwork", message: "this machine has no address that others reach" };
  }
  if (!mayStart && !running.has(id)) return { kind: "unknown", name, reason: "NotInCharge", message: NOT_IN_CHARGE };
  const occupant = [...running].find(([other, port]) => other !== id && port === claim.port);
  if (occupant !== undefined && !running.has(id)) {
    const message = `port ${claim.port} is still that of a server that ends: it starts when the port is free`;
    return refusedPod(name, "WaitingForPort", message);
  }
  const { service, model, draft } = accepted;
  const { port, gracePeriodMs, priority } = claim;
  const placement = {
    id,
    placedBy: "scheduler" as const,
    host: listenHost,
    port,
    gracePeriodMs,
    priority,
    returnsAfterEviction: false,
  };
  const models = [model, ...(draft === undefined ? [] : [draft])];
  return resolveService(
    // A pod is one replica: how many there are, and whether any, is the controller's affair.
    { ...service, spec: { ...service.spec, replicas: 1, suspend: false } },
    { ...placement, apiKeyFile: keys.path },
    (wanted) => models.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === wanted) ?? "absent",
    host,
  );
}

const NOT_IN_CHARGE = "it is not yet certain that no other agent has the name of this node";

function refusedPod(name: string, reason: string, message: string): Desired {
  return { kind: "refused", name, state: "Pending", reason, message };
}

import * as z from "zod";
import type { KubeClient, KubeObject, KubeResult } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { LEASE_SECONDS, type LiveLease, microseconds, microTime, renewalTime } from "./holder.ts";

/** Where Kubernetes looks for the Leases of Nodes. */
export const LEASE_NAMESPACE = "kube-node-lease";

/** A renewal that takes longer, in milliseconds, got no answer. Three of them fit into the Lease, with time between. */
export const ANSWER_MS = 5000;

const leaseSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  spec: z.object({ holderIdentity: z.string().nullish(), renewTime: z.string().nullish() }).prefault({}),
});

/** The Lease as it was seen last, read and written in one request each. */
export interface LeaseObject {
  /** Undefined where there is none. */
  readonly live: () => LiveLease | undefined;
  /** Whether what {@link live} gives is what the API server had at the last request. */
  readonly isKnown: () => boolean;
  /** What was seen may be so no more. */
  readonly doubt: () => void;
  readonly look: (signal: AbortSignal) => Promise<KubeResult<unknown>>;
  /** Renews it for this holder, or makes it. A conflict where somebody else wrote it since it was seen. */
  readonly renew: (holder: string, signal: AbortSignal) => Promise<KubeResult<KubeObject>>;
}

/**
 * @param nodeUid the Node that the Lease goes with; undefined before it is registered
 * @param wall milliseconds since 1970, as this Mac believes
 */
export function leaseOf(
  client: KubeClient,
  name: string,
  nodeUid: () => string | undefined,
  wall: () => number,
): LeaseObject {
  let seen: KubeObject | undefined;
  let isKnown = false;
  let lastTime: number | undefined;

  const live = () => parsed(seen);
  const saw = (object: KubeObject | undefined) => {
    seen = object;
    isKnown = true;
  };
  return {
    live,
    isKnown: () => isKnown,
    doubt: () => {
      isKnown = false;
    },
    look: async (signal) => {
      const ref = { namespace: LEASE_NAMESPACE, name };
      const answer = await client.get(KINDS.lease, ref, { signal, timeoutMs: ANSWER_MS });
      if (answer.ok) saw(answer.value);
      else if (answer.kind === "not-found") saw(undefined);
      return !answer.ok && answer.kind === "not-found" ? { ok: true, value: undefined } : answer;
    },
    renew: async (holder, signal) => {
      // Also of a Lease that is gone: whoever remembers it takes none for newer that has an earlier time.
      const time = renewalTime(latest(lastTime, microseconds(live()?.renewTime)), wall());
      const object = objectOf({ seen, name, holder, nodeUid: nodeUid(), time });
      const write = seen === undefined ? client.create : client.replace;
      const answer = await write(KINDS.lease, object, { signal, timeoutMs: ANSWER_MS });
      if (answer.ok) {
        saw(answer.value);
        lastTime = time;
      }
      return answer;
    },
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
  readonly seen: KubeObject | undefined;
  readonly name: string;
  readonly holder: string;
  readonly nodeUid: string | undefined;
  /** Microseconds since 1970. */
  readonly time: number;
}

/** With the resource version of what was seen: two agents never both take it. */
function objectOf({ seen, name, holder, nodeUid, time }: Written): KubeObject {
  const ownerReferences = nodeUid === undefined ? [] : [{ apiVersion: "v1", kind: "Node", name, uid: nodeUid }];
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      ...(seen?.metadata ?? { name, namespace: LEASE_NAMESPACE }),
      managedFields: undefined,
      ownerReferences,
    },
    spec: { holderIdentity: holder, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime(time) },
  };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

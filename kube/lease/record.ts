import { z } from "zod";
import type { KubeObject } from "../client.ts";
import { microTime } from "../times.ts";

const spec = z.object({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.number().nullish(),
  acquireTime: z.string().nullish(),
  renewTime: z.string().nullish(),
  leaseTransitions: z.number().nullish(),
});

export type LeaseSpec = z.infer<typeof spec>;

/** What a Lease says; one that says nothing readable is held by nobody. */
export function leaseSpecOf(lease: KubeObject): LeaseSpec {
  const read = spec.safeParse(lease["spec"] ?? {});
  return read.success ? read.data : {};
}

/** The Lease as its holder writes it. The rest of the object stays, its resourceVersion above all: it may have been written meanwhile. */
export function heldLease(lease: KubeObject, identity: string, durationMs: number, now: number): KubeObject {
  const before = leaseSpecOf(lease);
  const held = before.holderIdentity === identity;
  return {
    ...lease,
    spec: {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: held && before.acquireTime ? before.acquireTime : microTime(now),
      renewTime: microTime(now),
      leaseTransitions: (before.leaseTransitions ?? 0) + (held || !before.holderIdentity ? 0 : 1),
    },
  };
}

/** The Lease as it is given back: whoever looks next may take it. */
export function releasedLease(lease: KubeObject, now: number): KubeObject {
  return {
    ...lease,
    spec: { ...leaseSpecOf(lease), holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(now) },
  };
}

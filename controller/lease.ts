import { SYSTEM_NAMESPACE } from "../api/fleet.ts";

/** The Lease that controllers of one cluster elect their leader by. */
export const LEADER_LEASE = { namespace: SYSTEM_NAMESPACE, name: "pulumi-llmkube-controller" } as const;

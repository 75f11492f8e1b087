import type { ListenAddress } from "../api/listen.ts";
import type { Clock } from "../kube/clock.ts";
import type { KubeAccess } from "../kube/open-client.ts";
import type { PortRange } from "../serving/ports.ts";

export interface ControllerOptions {
  readonly access: KubeAccess;
  /** Default: all. */
  readonly namespace?: string | undefined;
  readonly ports: PortRange;
  /** Objects worked on at a time. */
  readonly workers: number;
  readonly listen: ListenAddress | "off";
  readonly leaderElection: boolean;
  /** Of the Lease by which a leader is elected; default: that of `LEADER_LEASE`. */
  readonly leaseNamespace?: string | undefined;
  /** Headers are read from loopback, link-local and metadata addresses too. */
  readonly allowLocalSources: boolean;
  readonly clock?: Clock;
}

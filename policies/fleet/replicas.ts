import { mismatch } from "../../memory/placement/demands.ts";
import { wantedReplicas } from "../../serving/pod-demands.ts";
import type { FleetFacts, ServiceFacts } from "./facts.ts";

/** More replicas than Macs that may run one: each needs a Mac of its own. */
export interface Excess {
  readonly wanted: number;
  /** Replicas beyond the number of Macs, at least 1. */
  readonly over: number;
  /** One clause: how many Macs there are for it. */
  readonly why: string;
  /** One clause. */
  readonly remedy: string;
}

/** Undefined where there are enough Macs, where nobody knows, and where no Mac may run the service at all. */
export function excessOf(service: ServiceFacts, hosts: FleetFacts["hosts"]["hosts"]): Excess | undefined {
  const wanted = wantedReplicas(service.subject);
  const macs = macsFor(service, hosts);
  if (macs === undefined || macs.count === 0 || wanted <= macs.count) return undefined;
  return { wanted, over: wanted - macs.count, why: macs.why, remedy: `spec.replicas ${macs.count}, or more Macs` };
}

interface Macs {
  readonly count: number;
  readonly why: string;
}

function macsFor({ placedBy, target, waiting }: ServiceFacts, hosts: FleetFacts["hosts"]["hosts"]): Macs | undefined {
  if (placedBy.kind === "folder") return { count: 1, why: `one Mac reads the folder ${target.folder}` };
  if (hosts.length === 0 || waiting === undefined) return undefined;
  const count = hosts.filter((host) => mismatch(waiting.workload.demands, host) === undefined).length;
  const macs = count === 1 ? "1 Mac" : `${count} Macs`;
  return { count, why: `only ${macs} of ${hosts.length} may run it` };
}

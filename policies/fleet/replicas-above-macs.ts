import { mismatch } from "../../memory/placement/demands.ts";
import { wantedReplicas } from "../../serving/pod-demands.ts";
import { defineStackRule } from "../define.ts";
import type { StackFinding } from "../definition.ts";
import { noSettings } from "./config.ts";
import type { FleetFacts, ServiceFacts } from "./facts.ts";
import { concernsWith, sharedFacts } from "./shared.ts";

const NAME = "replicas-above-macs";

/** Each replica needs a Mac of its own, so more of them than Macs can never all run. */
export const replicasAboveMacs = defineStackRule({
  name: NAME,
  title: "No more replicas than Macs",
  description: "A service must not ask for more replicas than there are Macs that may run it.",
  remedy: "Lower spec.replicas, declare more Macs, or widen nodeSelector and affinity.",
  severity: "medium",
  tags: ["fleet"],
  level: "advisory",
  config: noSettings,
  concerns: concernsWith(NAME, replicaFindings),
  checkStack: async (stack) => replicaFindings(await sharedFacts(NAME, stack)),
});

export function replicaFindings({ hosts, services }: FleetFacts): readonly StackFinding[] {
  return services.flatMap((service) => {
    const wanted = wantedReplicas(service.subject);
    const macs = macsFor(service, hosts.hosts);
    // Where no Mac may run it at all, fleet-placement says why.
    if (macs === undefined || macs.count === 0 || hosts.unknown.length > 0 || wanted <= macs.count) return [];
    const text = `${service.subject.label}: spec.replicas is ${wanted}, but ${macs.why}, and each replica needs a Mac of its own. Lower spec.replicas to ${macs.count}, or add Macs.`;
    return [{ text, about: service.subject }];
  });
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

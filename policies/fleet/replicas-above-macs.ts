import { defineStackRule } from "../define.ts";
import { ALONE, type Peers, type StackFinding } from "../definition.ts";
import { fleetConfigSchema } from "./config.ts";
import type { FleetFacts } from "./facts.ts";
import { fleetPlacement } from "./fleet-placement.ts";
import { excessOf } from "./replicas.ts";
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
  config: fleetConfigSchema,
  concerns: concernsWith(NAME, (facts) => replicaFindings(facts, ALONE)),
  checkStack: async (stack, config, peers) => replicaFindings(await sharedFacts(NAME, stack, config), peers),
});

function replicaFindings({ hosts, services }: FleetFacts, peers: Peers): readonly StackFinding[] {
  if (hosts.unknown.length > 0) return [];
  return services.flatMap((service) => {
    const { subject } = service;
    const excess = excessOf(service, hosts.hosts);
    // Where a replica has no place, fleet-placement says that there are too few Macs.
    if (excess === undefined || peers.refused(fleetPlacement.name, subject)) return [];
    const { wanted, why, remedy } = excess;
    const text = `${subject.label}: spec.replicas is ${wanted}, but ${why}, and each replica needs a Mac of its own. What would help: ${remedy}.`;
    return [{ text, about: subject }];
  });
}

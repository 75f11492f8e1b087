import { outText } from "../../memory/picture/text.ts";
import { defineStackRule } from "../define.ts";
import { ALONE, type Peers, type StackFinding } from "../definition.ts";
import { aggregatePerHost, crowdedHosts } from "./aggregate-per-host.ts";
import { fleetConfigSchema } from "./config.ts";
import { distinctNamesAndPorts } from "./distinct-names-and-ports.ts";
import type { FleetFacts } from "./facts.ts";
import { otherModels } from "./other-models.ts";
import { excessOf } from "./replicas.ts";
import { concernsWith, sharedFacts } from "./shared.ts";

const NAME = "fleet-placement";

/**
 * Every replica of every service must have a place on the Macs that are declared. The highest priority goes first, as the scheduler of a
 * fleet lets it. Where no Mac is declared, and where a Mac's memory is not known before the update, nothing is refused.
 */
export const fleetPlacement = defineStackRule({
  name: NAME,
  title: "Every replica has a Mac",
  description: "Every replica of a model must have a place on the declared Macs.",
  remedy:
    "Do what the report names: a smaller context, a higher priority, fewer replicas, or more memory. Declare all Macs, as LlmNode, hosts or hostsFile.",
  severity: "high",
  tags: ["memory", "fleet"],
  level: "mandatory",
  config: fleetConfigSchema,
  concerns: concernsWith(NAME, (facts) => placementFindings(facts, ALONE)),
  checkStack: async (stack, config, peers) => placementFindings(await sharedFacts(NAME, stack, config), peers),
});

function placementFindings(facts: FleetFacts, peers: Peers): readonly StackFinding[] {
  const { hosts, services, picture } = facts;
  const problems = hosts.problems.map((text) => ({ text: `The Macs are not known: ${text}.` }));
  if (hosts.hosts.length === 0 || hosts.unknown.length > 0) return problems;
  const told = toldOf(facts, peers);
  const others = otherModels(facts);
  const outs = picture.out.flatMap((out): readonly StackFinding[] => {
    const service = services.find(({ name }) => name === out.name);
    if (service === undefined) return [{ text: `${outText(out)}${others}` }];
    if (told.has(out.name)) return [];
    const excess = excessOf(service, hosts.hosts);
    const remedy = excess !== undefined && excess.over >= out.replicas ? excess.remedy : out.remedy;
    return [{ text: `InferenceService ${outText({ ...out, remedy })}${others}`, about: service.subject }];
  });
  return [...problems, ...outs];
}

/** Names of services of which another policy has said why they stay out: one crowded Mac, or a name or a port that two of them have. */
function toldOf(facts: FleetFacts, peers: Peers): ReadonlySet<string> {
  const crowded = crowdedHosts(facts).flatMap(({ out }) => {
    const isTold = out[0] !== undefined && peers.refused(aggregatePerHost.name, out[0].subject);
    return isTold ? out.map(({ name }) => name) : [];
  });
  const colliding = facts.services.flatMap(({ name, subject }) =>
    peers.refused(distinctNamesAndPorts.name, subject) ? [name] : [],
  );
  return new Set([...crowded, ...colliding]);
}

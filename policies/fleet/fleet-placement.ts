import { outText } from "../../memory/picture/text.ts";
import { defineStackRule } from "../define.ts";
import type { StackFinding } from "../definition.ts";
import { crowdedHosts } from "./aggregate-per-host.ts";
import { hostsConfigSchema } from "./config.ts";
import { distinctFindings } from "./distinct-names-and-ports.ts";
import type { FleetFacts } from "./facts.ts";
import { otherModels } from "./other-models.ts";
import { sharedFacts } from "./shared.ts";

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
  config: hostsConfigSchema,
  checkStack: async (stack, config) => placementFindings(await sharedFacts(NAME, stack, config)),
});

export function placementFindings(facts: FleetFacts): readonly StackFinding[] {
  const { hosts, services, picture } = facts;
  const problems = hosts.problems.map((text) => ({ text: `The Macs are not known: ${text}` }));
  if (hosts.hosts.length === 0 || hosts.unknown.length > 0) return problems;
  // What one crowded Mac is the reason of is reported once, for that Mac.
  const crowded = new Set(crowdedHosts(facts).flatMap(({ out }) => out));
  // So is a name or a port that two of them have.
  const colliding = new Set(distinctFindings(facts).map(({ about }) => about));
  const others = otherModels(facts);
  const outs = picture.out.flatMap((out): readonly StackFinding[] => {
    const service = services.find(({ name }) => name === out.name);
    if (crowded.has(out.name) || (service !== undefined && colliding.has(service.subject))) return [];
    const kind = service === undefined ? "" : "InferenceService ";
    return [{ text: `${kind}${outText(out)}${others}`, ...(service !== undefined && { about: service.subject }) }];
  });
  return [...problems, ...outs];
}

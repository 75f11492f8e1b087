import { pictureText, wrapped } from "../../memory/picture/text.ts";
import { defineStackRule } from "../define.ts";
import type { StackFinding } from "../definition.ts";
import { fleetConfigSchema } from "./config.ts";
import type { FleetFacts } from "./facts.ts";
import { otherModels } from "./other-models.ts";
import { concernsWith, sharedFacts } from "./shared.ts";

const NAME = "fleet-summary";

/** Of 80 columns; the engine indents what a policy reports by ten. */
const WIDTH = 70;

/** What is on each Mac after the change, who stays out and why, at the end of a preview. It refuses nothing. */
export const fleetSummary = defineStackRule({
  name: NAME,
  title: "What is on each Mac",
  description: "The memory of each Mac, and the models on it.",
  remedy: "Nothing is refused here.",
  severity: "low",
  tags: ["memory", "fleet"],
  level: "advisory",
  informsOnly: true,
  config: fleetConfigSchema,
  concerns: concernsWith(NAME, summaryFindings),
  checkStack: async (stack, config) => summaryFindings(await sharedFacts(NAME, stack, config)),
});

export function summaryFindings(facts: FleetFacts): readonly StackFinding[] {
  const { hosts, services, picture } = facts;
  if (hosts.hosts.length === 0 || services.length === 0) return [];
  const unknown = hosts.unknown.map(
    (name) => `LlmNode ${name}: its memory is not known before the update, so it is not counted.`,
  );
  const others = otherModels(facts).trim();
  const lines = [...unknown, ...(others === "" ? [] : ["", others])].flatMap((line) => wrapped(line, WIDTH, 0));
  return [{ text: [pictureText(picture, WIDTH), ...lines].join("\n") }];
}

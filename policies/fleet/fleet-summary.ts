import { pictureText } from "../../memory/picture/text.ts";
import { defineStackRule } from "../define.ts";
import type { StackFinding } from "../definition.ts";
import { noSettings } from "./config.ts";
import type { FleetFacts } from "./facts.ts";
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
  config: noSettings,
  concerns: concernsWith(NAME, summaryFindings),
  checkStack: async (stack) => summaryFindings(await sharedFacts(NAME, stack)),
});

export function summaryFindings({ hosts, services, picture }: FleetFacts): readonly StackFinding[] {
  if (hosts.hosts.length === 0 || services.length === 0) return [];
  const unknown = hosts.unknown.map(
    (name) => `LlmNode ${name}: its memory is not known before the update, so it is not counted.`,
  );
  return [{ text: [pictureText(picture, WIDTH), ...unknown].join("\n") }];
}

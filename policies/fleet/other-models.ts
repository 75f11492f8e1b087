import type { FleetFacts } from "./facts.ts";

const MOST_NAMED = 4;

/** A line on what runs beside the stack; empty: nothing. The file tells what ran when it was written, also what this change removes. */
export function otherModels({ hosts, services }: FleetFacts): string {
  const own = new Set<string | undefined>(services.map(({ name }) => name));
  const others = hosts.running.filter(({ workload }) => !own.has(workload));
  if (others.length === 0) return "";
  const names = [...new Set(others.map(({ pod, workload }) => workload ?? pod))];
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return (
    `\nThe hosts file has models that are not in this stack, and they count: ${names.slice(0, MOST_NAMED).join(", ")}${more}.` +
    " Where this change removes them, write it with pulumi-llmkube hosts export --no-models."
  );
}

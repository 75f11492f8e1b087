import type { Findings } from "../findings.ts";
import type { Exemption } from "./config.ts";

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/** Findings in which what is let pass by name is a note with the reason. */
export function exempted(
  policy: string,
  exclude: readonly Exemption[],
  { refusals = [], notes = [] }: Findings,
  about: readonly Named[],
): Required<Findings> {
  const exemption = exclude.find(({ name }) => about.some((named) => isNamed(named, name)));
  if (exemption === undefined) return { refusals, notes };
  const passed = refusals.map((text) => `${policy} lets this pass, because ${exemption.reason}: ${firstLine(text)}`);
  return { refusals: [], notes: [...passed, ...notes] };
}

function isNamed({ namespace, name }: Named, asked: string): boolean {
  return asked === name || asked === `${namespace}/${name}`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

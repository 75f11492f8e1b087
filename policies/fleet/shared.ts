import type { StackFinding, StackSubject } from "../definition.ts";
import { headerOf } from "../headers.ts";
import type { HostsConfig } from "../hosts/open.ts";
import { type FleetFacts, fleetFacts } from "./facts.ts";

// The rules about a fleet look at one stack, one after another, and all go by the same facts: the first that runs finds them out. A rule
// that asks a second time asks about another stack: the update that follows a preview.

interface Known {
  readonly facts: Promise<FleetFacts>;
  /** Once they are there. */
  settled: FleetFacts | undefined;
  readonly askers: Set<string>;
}

let known: Known | undefined;

/** The facts about a stack, for the rule of this name. The first rule of a fleet brings the configuration of the hosts. */
export async function sharedFacts(asker: string, stack: StackSubject, config: HostsConfig = {}): Promise<FleetFacts> {
  if (known === undefined || known.askers.has(asker)) known = begun(stack, config);
  const asked = known;
  asked.askers.add(asker);
  asked.settled = await asked.facts;
  return asked.settled;
}

function begun(stack: StackSubject, config: HostsConfig): Known {
  return { facts: fleetFacts(stack, config, headerOf), settled: undefined, askers: new Set() };
}

/** A rule that need not run where another has found out already that it has nothing to say. */
export function concernsWith(asker: string, find: (facts: FleetFacts) => readonly StackFinding[]) {
  return (): boolean => {
    if (known?.settled === undefined || known.askers.has(asker)) return true;
    return find(known.settled).length > 0;
  };
}

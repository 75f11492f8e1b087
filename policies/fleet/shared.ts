import type { FitSettings } from "../config.ts";
import type { Registered, StackFinding, StackSubject } from "../definition.ts";
import { headerOf } from "../headers.ts";
import type { FleetSettings } from "./config.ts";
import { type FleetFacts, fleetFacts } from "./facts.ts";

// The rules about a fleet look at one stack, one after another, and all go by the same facts: the first that runs finds them out. A rule
// that asks a second time asks about another stack: the update that follows a preview.

interface Known {
  readonly facts: Promise<FleetFacts>;
  /** Once they are there. */
  settled: FleetFacts | undefined;
  readonly askers: Set<string>;
  /** The configuration by which they were found out, as text. */
  readonly config: string;
}

/** By the scope of their guard. */
const knownOf = new WeakMap<object, Known>();

/** The facts about a stack, for the rule of this name. A rule that names no Macs itself knows those of fleet-placement. */
export async function sharedFacts(asker: string, stack: StackSubject, own: FleetSettings): Promise<FleetFacts> {
  const config = effective(own, stack);
  const text = JSON.stringify(config);
  const known = knownOf.get(stack.scope);
  const isThatStack = known !== undefined && !known.askers.has(asker) && known.config === text;
  const asked = isThatStack ? known : begun(stack, config, text);
  knownOf.set(stack.scope, asked);
  asked.askers.add(asker);
  asked.settled = await asked.facts;
  return asked.settled;
}

/** What a rule does not say itself, it has of the rules that people configure first. */
function effective({ hosts, hostsFile, sizes }: FleetSettings, { configOf }: StackSubject): FleetSettings {
  const placement = configOf("fleet-placement") as FleetSettings | undefined;
  const fit = configOf("memory-fits") as FitSettings | undefined;
  const namesHosts = hosts !== undefined || hostsFile !== undefined;
  return {
    hosts: namesHosts ? hosts : placement?.hosts,
    hostsFile: namesHosts ? hostsFile : placement?.hostsFile,
    sizes: { ...fit?.sizes, ...placement?.sizes, ...sizes },
  };
}

function begun(stack: StackSubject, config: FleetSettings, text: string): Known {
  return { facts: fleetFacts(stack, config, headerOf), settled: undefined, askers: new Set(), config: text };
}

/** A rule that need not run where another has found out already that it has nothing to say. */
export function concernsWith(asker: string, find: (facts: FleetFacts) => readonly StackFinding[]) {
  return ({ scope }: Registered, { hosts, hostsFile, sizes }: FleetSettings): boolean => {
    // What it is told alone, no other rule has looked at.
    if (hosts !== undefined || hostsFile !== undefined || Object.keys(sizes ?? {}).length > 0) return true;
    const known = knownOf.get(scope);
    if (known?.settled === undefined || known.askers.has(asker)) return true;
    return find(known.settled).length > 0;
  };
}

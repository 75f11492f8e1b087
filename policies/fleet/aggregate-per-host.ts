import { formatBytes } from "../../api/quantity.ts";
import type { Out } from "../../memory/picture/picture.ts";
import { defineStackRule } from "../define.ts";
import type { StackFinding } from "../definition.ts";
import { fleetConfigSchema } from "./config.ts";
import type { FleetFacts, ServiceFacts } from "./facts.ts";
import { otherModels } from "./other-models.ts";
import { sharedFacts } from "./shared.ts";

const NAME = "aggregate-per-host";

/**
 * All models that are meant for one Mac must fit it together. A Mac that reads a folder of manifests has what the folder has; with one Mac,
 * that has all.
 * It always runs, as the first of the rules about a fleet: it finds out what the others go by.
 */
export const aggregatePerHost = defineStackRule({
  name: NAME,
  title: "The models of a Mac fit it together",
  description:
    "All models of one Mac together must fit what it has for models. Of those that take turns behind a gateway the largest counts.",
  remedy:
    "Stop one of the models, choose smaller contexts, let them take turns behind a gateway, or use a Mac with more memory.",
  severity: "high",
  tags: ["memory", "fleet"],
  level: "mandatory",
  config: fleetConfigSchema,
  checkStack: async (stack, config) => aggregateFindings(await sharedFacts(NAME, stack, config)),
});

/** A Mac whose models need more than it has. */
export interface CrowdedHost {
  readonly host: string;
  readonly allocatableBytes: number;
  readonly neededBytes: number;
  /** Those that stay in memory. */
  readonly services: readonly ServiceFacts[];
  /** Behind its gateway; the largest of those that it could hold alone. */
  readonly turns: { readonly count: number; readonly largest: ServiceFacts } | undefined;
  /** Those of all that stay out, at least one. The report is about the first. */
  readonly out: readonly ServiceFacts[];
}

export function crowdedHosts({ hosts, services, picture }: FleetFacts): readonly CrowdedHost[] {
  if (hosts.unknown.length > 0) return [];
  const only = hosts.hosts.length === 1 ? hosts.hosts[0]?.name : undefined;
  const hostOf = ({ placedBy }: ServiceFacts) => (placedBy.kind === "folder" ? placedBy.host : only);
  const out = new Map(picture.out.map((each) => [each.name, each]));
  return hosts.hosts.flatMap(({ name, allocatableBytes }): readonly CrowdedHost[] => {
    const meant = services.filter((service) => hostOf(service) === name && (service.waiting?.replicas ?? 0) > 0);
    const others = hosts.running.filter(
      ({ host, workload }) => host === name && !meant.some((one) => one.name === workload),
    );
    const staying = meant.filter((service) => !takesTurns(service));
    const turns = turnsOf(meant.filter(takesTurns), allocatableBytes);
    const together = turns === undefined ? staying : [...staying, turns.largest];
    const needed = sum(together, bytesOf) + sum(others, ({ needBytes }) => needBytes);
    if (needed <= allocatableBytes || meant.length + others.length < 2) return [];
    const outside = meant.filter((service) => forLackOfMemory(out.get(service.name), allocatableBytes));
    if (outside.length === 0) return [];
    return [{ host: name, allocatableBytes, neededBytes: needed, services: staying, turns, out: outside }];
  });
}

function takesTurns({ waiting }: ServiceFacts): boolean {
  return waiting?.workload.takesTurns === true;
}

function bytesOf({ waiting }: ServiceFacts): number {
  return waiting?.workload.needBytes ?? 0;
}

/** One that is too large even alone never gets its turn. */
function turnsOf(taking: readonly ServiceFacts[], allocatableBytes: number): CrowdedHost["turns"] {
  const possible = taking.filter((service) => bytesOf(service) <= allocatableBytes);
  const [largest] = possible.toSorted((a, b) => bytesOf(b) - bytesOf(a));
  return largest && { count: possible.length, largest };
}

/** Alone it would have room there. */
function forLackOfMemory(out: Out | undefined, allocatableBytes: number): boolean {
  return out !== undefined && out.needBytes <= allocatableBytes;
}

export function aggregateFindings(facts: FleetFacts): readonly StackFinding[] {
  return crowdedHosts(facts).map((crowded) => {
    const { host, allocatableBytes, neededBytes, out } = crowded;
    const [needed, allowed, short] = [neededBytes, allocatableBytes, neededBytes - allocatableBytes].map(formatBytes);
    const [first] = out;
    const remedies = facts.picture.out.flatMap(({ name, remedy }) =>
      name === first?.name && remedy !== undefined ? [`What would help ${name}: ${remedy}.`] : [],
    );
    const lines = [
      `${host}: its models need ${needed} together, and it has ${allowed} for them, ${short} short: ${parts(crowded)}.`,
      `${list(out.map(({ name }) => name))} ${out.length === 1 ? "stays" : "stay"} out.`,
      ...remedies,
    ];
    return { text: lines.join("\n") + otherModels(facts), ...(first !== undefined && { about: first.subject }) };
  });
}

const MOST_NAMED = 8;

function parts({ services, turns }: CrowdedHost): string {
  const sized = services.map((service) => ({ name: service.name, bytes: bytesOf(service) }));
  const staying = list(
    sized.sort((a, b) => b.bytes - a.bytes).map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`),
  );
  return [staying, turns === undefined ? "" : turnsText(turns)].filter((part) => part !== "").join(", and ");
}

function turnsText({ count, largest }: NonNullable<CrowdedHost["turns"]>): string {
  const which = count === 1 ? "which takes turns behind the gateway" : `the largest of ${count} that take turns`;
  return `${formatBytes(bytesOf(largest))} for ${largest.name}, ${which}`;
}

function list(items: readonly string[]): string {
  const more = items.length - MOST_NAMED;
  return items.slice(0, MOST_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

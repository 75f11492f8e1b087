import { DEFAULT_PORT } from "../../api/constants.ts";
import { ON_DEMAND_ANNOTATIONS, parseOnDemand } from "../../api/on-demand.ts";
import { defineStackRule } from "../define.ts";
import type { ModelSubject, ServiceSubject, StackFinding } from "../definition.ts";
import { fleetConfigSchema } from "./config.ts";
import type { FleetFacts, ServiceFacts } from "./facts.ts";
import { concernsWith, sharedFacts } from "./shared.ts";
import { isBehindGateway } from "./workload.ts";

const ALIASES = `metadata.annotations["${ON_DEMAND_ANNOTATIONS.aliases}"]`;
const NAME = "distinct-names-and-ports";

/** Two resources of one name are one object: the second overwrites the first, and removing one removes both. */
export const distinctNamesAndPorts = defineStackRule({
  name: NAME,
  title: "Names, aliases and ports are used once",
  description: "Two models must not share a name in one folder or cluster, nor a port or an alias on one Mac.",
  remedy: "Give one of them another name or namespace, another serving.port, or other serving.aliases.",
  severity: "high",
  tags: ["fleet", "names"],
  level: "mandatory",
  config: fleetConfigSchema,
  concerns: concernsWith(NAME, distinctFindings),
  checkStack: async (stack, config) => distinctFindings(await sharedFacts(NAME, stack, config)),
});

export function distinctFindings({ models, services }: FleetFacts): readonly StackFinding[] {
  const keyed = [...models, ...services].map(({ subject, target }) => ({ subject, key: target.key }));
  const twice = pairs(keyed, ({ subject, key }) => JSON.stringify([key, subject.label]));
  const names = twice.filter((pair) => !twice.some((other) => isServedBy(pair, other)));
  const ports = pairs(services.flatMap(listening), ({ machine, port }) => JSON.stringify([machine, port]));
  const aliases = aliasClashes(services.flatMap(called));
  return [
    ...names.map((pair) => {
      const [first, second] = pair;
      const services = twice.some((other) => isServedBy(other, pair));
      return sameName(first.subject, second.subject, services);
    }),
    // Of objects that are one anyway the ports need no word.
    ...ports
      .filter(([first, second]) => first.service.label !== second.service.label || first.folder !== second.folder)
      .map(([first, second]) => samePort(first, second)),
    ...aliases,
  ];
}

interface Listening {
  readonly service: ServiceSubject;
  readonly folder: string;
  /** Who listens on the port: the Mac, or whoever reads the folder. */
  readonly machine: string;
  readonly port: number;
}

/** A service, and the Mac on which it runs, or whoever reads the folder; undefined: it does not run, or the scheduler of a cluster chooses. */
function machineOf({ subject: { spec }, target, placedBy }: ServiceFacts): string | undefined {
  if (placedBy.kind !== "folder" || target.folder === undefined) return undefined;
  if (spec.suspend === true || spec.replicas === 0) return undefined;
  return placedBy.host ?? `the Mac that reads ${target.folder}`;
}

/** In a cluster the controller gives each service a port of its own. */
function listening(facts: ServiceFacts): readonly Listening[] {
  const { subject, target } = facts;
  const { spec, unknown } = subject;
  const machine = machineOf(facts);
  if (machine === undefined || target.folder === undefined) return [];
  if (unknown.some((path) => /^spec(\.endpoint|$)/.test(path))) return [];
  if (spec.endpoint === undefined && isBehindGateway(subject)) return [];
  return [{ service: subject, folder: target.folder, machine, port: spec.endpoint?.port ?? DEFAULT_PORT }];
}

interface Called {
  readonly service: ServiceSubject;
  readonly machine: string;
  readonly aliases: readonly string[];
}

/** Aliases that are none have been told of by on-demand. */
function called(facts: ServiceFacts): readonly Called[] {
  const machine = machineOf(facts);
  const asked = parseOnDemand(facts.subject.annotations);
  return machine === undefined
    ? []
    : [{ service: facts.subject, machine, aliases: asked.ok ? asked.value.aliases : [] }];
}

/** An alias that two services of one Mac have, or that is the name of another one: a client that asks for it could mean both. */
function aliasClashes(services: readonly Called[]): readonly StackFinding[] {
  return services.flatMap((own, index) =>
    own.aliases.flatMap((alias) => {
      const others = services.filter(
        ({ service, machine }) => machine === own.machine && service.label !== own.service.label,
      );
      const named = others.find(({ service }) =>
        [service.name, `${service.namespace}/${service.name}`].includes(alias),
      );
      // Of two with one alias the later one is told.
      const sharing = others.find((other) => services.indexOf(other) < index && other.aliases.includes(alias));
      if (named !== undefined) return [clash(own, alias, named, "which is the name of")];
      return sharing === undefined ? [] : [clash(own, alias, sharing, "and so has")];
    }),
  );
}

function clash({ service }: Called, alias: string, { service: other }: Called, how: string): StackFinding {
  const text = `${service.label} has the alias "${alias}", ${how} ${other.label}: ${other.urn} and ${service.urn}. Clients of one Mac ask by name: take it out of ${ALIASES} of one of them.`;
  return { text, about: service };
}

type Keyed = { readonly subject: ModelSubject | ServiceSubject; readonly key: string };
type Pair = readonly [Keyed, Keyed];

/** The services of two Models that share their name, as two LlmModels make them: one cause, told of the Models. */
function isServedBy(services: Pair, models: Pair): boolean {
  return services.every(({ subject, key }, index) => {
    const model = models[index];
    return (
      subject.kind === "InferenceService" &&
      model?.subject.kind === "Model" &&
      model.key === key &&
      subject.name === model.subject.name &&
      subject.namespace === model.subject.namespace &&
      resourceName(subject.urn) === resourceName(model.subject.urn)
    );
  });
}

function resourceName(urn: string): string | undefined {
  return urn.split("::").at(-1);
}

function sameName(
  first: ModelSubject | ServiceSubject,
  second: ModelSubject | ServiceSubject,
  hasServices: boolean,
): StackFinding {
  const both = hasServices ? ", and so is its InferenceService" : "";
  const text = `${second.label} is declared twice${both}, by ${first.urn} and by ${second.urn}: they are one object, of which the last one written stays. Give one of them another name or namespace.`;
  return { text, about: second };
}

function samePort(first: Listening, second: Listening): StackFinding {
  const { service, port, machine } = second;
  const text = `${service.label} listens on port ${port} of ${machine}, and so does ${first.service.label}: ${first.service.urn} and ${service.urn}. Give one of them another spec.endpoint.port, for example ${port + 1}.`;
  return { text, about: service };
}

/** Each with the first of its key. */
function pairs<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly [T, T])[] {
  return [...Map.groupBy(items, keyOf).values()].flatMap(([first, ...others]) =>
    others.flatMap((other) => (first === undefined ? [] : [[first, other] as const])),
  );
}

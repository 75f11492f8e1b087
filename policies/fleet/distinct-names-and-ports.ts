import { DEFAULT_PORT } from "../../api/constants.ts";
import { defineStackRule } from "../define.ts";
import type { ModelSubject, ServiceSubject, StackFinding } from "../definition.ts";
import { fleetConfigSchema } from "./config.ts";
import type { FleetFacts, ServiceFacts } from "./facts.ts";
import { concernsWith, sharedFacts } from "./shared.ts";

const NAME = "distinct-names-and-ports";

/** Two resources of one name are one object: the second overwrites the first, and removing one removes both. */
export const distinctNamesAndPorts = defineStackRule({
  name: NAME,
  title: "Names and ports are used once",
  description: "Two models must not share a name in one folder or cluster, nor a port on one Mac.",
  remedy: "Give one of them another name or namespace, or another serving.port.",
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
  ];
}

interface Listening {
  readonly service: ServiceSubject;
  readonly folder: string;
  /** Who listens on the port: the Mac, or whoever reads the folder. */
  readonly machine: string;
  readonly port: number;
}

/** In a cluster the controller gives each service a port of its own. */
function listening({ subject, target, placedBy }: ServiceFacts): readonly Listening[] {
  const { spec, unknown } = subject;
  if (placedBy.kind !== "folder" || target.folder === undefined) return [];
  if (spec.suspend === true || spec.replicas === 0 || unknown.some((path) => /^spec(\.endpoint|$)/.test(path)))
    return [];
  const machine = placedBy.host ?? `the Mac that reads ${target.folder}`;
  return [{ service: subject, folder: target.folder, machine, port: spec.endpoint?.port ?? DEFAULT_PORT }];
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

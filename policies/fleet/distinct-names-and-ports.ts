import { DEFAULT_PORT } from "../../api/constants.ts";
import { defineStackRule } from "../define.ts";
import type { ModelSubject, ServiceSubject, StackFinding } from "../definition.ts";
import { noSettings } from "./config.ts";
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
  config: noSettings,
  concerns: concernsWith(NAME, distinctFindings),
  checkStack: async (stack) => distinctFindings(await sharedFacts(NAME, stack)),
});

export function distinctFindings({ models, services }: FleetFacts): readonly StackFinding[] {
  const named = [...models, ...services].map(({ subject, target }) => ({ subject, key: target.key }));
  // Of objects that are one anyway the ports need no word.
  const names = pairs(named, ({ subject, key }) => JSON.stringify([key, subject.label]));
  const ports = pairs(services.flatMap(listening), ({ machine, port }) => JSON.stringify([machine, port]));
  return [
    ...names.map(([first, second]) => sameName(first.subject, second.subject)),
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

function sameName(first: ModelSubject | ServiceSubject, second: ModelSubject | ServiceSubject): StackFinding {
  const text = `${second.label} is declared twice, by ${first.urn} and by ${second.urn}: they are one object, of which the last one written stays. Give one of them another name or namespace.`;
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

import { type Picture, pictureOf } from "../../memory/picture/picture.ts";
import type { Told } from "../../memory/picture/scene.ts";
import type { Waiting } from "../../memory/placement/workload.ts";
import type { ModelSubject, ServedSubject, ServiceSubject, StackSubject } from "../definition.ts";
import { type HostsConfig as HostsPlaces, type OpenedHosts, openHosts } from "../hosts/open.ts";
import { kindOf } from "../resource-types.ts";
import { type HeaderReader, type Need, needOf } from "./need.ts";
import { type Target, targetsOf } from "./target.ts";
import { askedOf, type PlacedBy, placedBy, portsOf } from "./workload.ts";

/** A service of the stack, and where it is meant to run. */
export interface ServiceFacts {
  readonly subject: ServiceSubject;
  /** `default/gemma`, and its provider where two targets have one of that name. */
  readonly name: string;
  readonly target: Target;
  readonly placedBy: PlacedBy;
  readonly need: Need;
  /** Undefined where its need is not known, or nothing can be foreseen. */
  readonly waiting: Waiting | undefined;
}

export interface ModelFacts {
  readonly subject: ModelSubject;
  readonly target: Target;
}

/** Where the Macs are named, and what is known of files that cannot be read here, in bytes by source. */
export interface FleetConfig extends HostsPlaces {
  readonly sizes?: Readonly<Record<string, number>> | undefined;
}

/** All that the policies about a fleet go by. */
export interface FleetFacts {
  readonly hosts: OpenedHosts;
  readonly services: readonly ServiceFacts[];
  readonly models: readonly ModelFacts[];
  readonly picture: Picture;
}

/**
 * Reads a stack: its services, what each needs, and where each would run.
 *
 * @param before the same stack before the change, where it is known
 */
export async function fleetFacts(
  stack: StackSubject,
  config: FleetConfig,
  read: HeaderReader,
  before?: StackSubject,
): Promise<FleetFacts> {
  const hosts = await openHosts(stack.resources, config);
  const needs = (served: ServedSubject) => needUnlessUnknown(served, read, config.sizes ?? {});
  const services = await servicesOf(stack, hosts, needs);
  const earlier = before && (await servicesOf(before, hosts, needs));
  const byName = new Map(services.map((service) => [service.name, service]));
  const contextFor = (name: string, bytes: number) => {
    const need = byName.get(name)?.need;
    return need?.state === "known" ? need.contextFor(bytes) : undefined;
  };
  const scene = {
    hosts: hosts.hosts,
    running: hosts.running,
    before: earlier && waitingOf(earlier),
    after: waitingOf(services),
    refused: toldOf(services, "refused"),
    unknown: [...toldOf(services, "unknown"), ...unread(stack)],
    partly: services.flatMap(({ name, need }) =>
      need.state === "known" && need.partly !== undefined ? [{ name, why: need.partly }] : [],
    ),
  };
  const target = targetsOf(stack.resources);
  const models = stack.models.map((subject) => ({ subject, target: target(subject.provider) }));
  return { hosts, services, models, picture: pictureOf(scene, contextFor) };
}

async function servicesOf(
  stack: StackSubject,
  hosts: OpenedHosts,
  needs: (served: ServedSubject) => Promise<Need>,
): Promise<readonly ServiceFacts[]> {
  const target = targetsOf(stack.resources);
  const names = namesOf(stack.services, target);
  const ports = portsOf(names);
  return Promise.all(
    stack.services.map(async (subject, index): Promise<ServiceFacts> => {
      const own = target(subject.provider);
      const name = names[index] ?? subject.name;
      const by = placedBy(own, hosts);
      const facts = { subject, name, target: own, placedBy: by };
      const served = stack.served(subject);
      const need = served === undefined ? notJoined(subject) : await needs(served);
      if (served === undefined || need.state !== "known") return { ...facts, need, waiting: undefined };
      const asked = askedOf({ name, port: ports[index] }, served, need.bytes, by);
      if (!asked.ok) return { ...facts, need: { state: "unknown", why: asked.error }, waiting: undefined };
      return { ...facts, need, waiting: asked.value };
    }),
  );
}

/** A name of its own for each: `default/gemma`, `default/gemma (studio)`, and a number where even that is not enough. */
function namesOf(services: readonly ServiceSubject[], target: (provider: string) => Target): readonly string[] {
  const plain = (service: ServiceSubject) => `${service.namespace}/${service.name}`;
  const homonyms = Map.groupBy(services, plain);
  const seen = new Map<string, number>();
  return services.map((service) => {
    const { provider, key } = target(service.provider);
    const isAlone = (homonyms.get(plain(service))?.length ?? 0) < 2;
    const name = isAlone ? plain(service) : `${plain(service)} (${provider ?? key})`;
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}

/** Fields of a spec that decide neither how much is needed nor where. */
const HARMLESS =
  /^(?!spec|metadata\.annotations.*llmkube\.dev\/prompt-cache)|^spec\.(sha256|quantization|podAnnotations|podLabels)\b/;

async function needUnlessUnknown(
  served: ServedSubject,
  read: HeaderReader,
  sizes: Readonly<Record<string, number>>,
): Promise<Need> {
  const { service, model, draft } = served;
  for (const { label, unknown } of [service, model, ...(draft === undefined ? [] : [draft])]) {
    const decisive = unknown.filter((path) => !HARMLESS.test(path));
    if (decisive.length > 0) {
      const verb = decisive.length === 1 ? "is" : "are";
      return { state: "unknown", why: `${decisive.join(" and ")} of ${label} ${verb} not known before the update` };
    }
  }
  return needOf(served, read, sizes);
}

function notJoined({ spec, namespace }: ServiceSubject): Need {
  if (spec.modelRef === undefined) return { state: "unknown", why: "spec.modelRef is not known before the update" };
  return {
    state: "unknown",
    why: `its Model ${namespace}/${spec.modelRef}, or its draft Model, is not in this stack, or cannot be read`,
  };
}

/** Services that are no valid manifests, or of which not even the name is known: other policies say so, and they must not be missed here. */
function unread({ resources, services }: StackSubject): readonly Told[] {
  const read = new Set(services.map(({ urn }) => urn));
  return resources.flatMap(({ urn, type, name }) =>
    kindOf(type) === "InferenceService" && !read.has(urn) ? [{ name, why: "its manifest cannot be read yet" }] : [],
  );
}

function waitingOf(services: readonly ServiceFacts[]): readonly Waiting[] {
  return services.flatMap(({ waiting }) => (waiting === undefined || waiting.replicas === 0 ? [] : [waiting]));
}

function toldOf(services: readonly ServiceFacts[], state: "refused" | "unknown"): readonly Told[] {
  return services.flatMap(({ name, need }) => (need.state === state ? [{ name, why: need.why }] : []));
}

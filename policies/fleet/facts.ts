import { type Picture, pictureOf } from "../../memory/picture/picture.ts";
import type { Told } from "../../memory/picture/scene.ts";
import type { Waiting, Workload } from "../../memory/placement/workload.ts";
import { openHosts, type HostsConfig, type OpenedHosts } from "../hosts/open.ts";
import { type HeaderReader, type Need, needOf } from "./need.ts";
import type { StackResource } from "./resource.ts";
import { type Found, join, type Joined, manifestsOf, type StackManifests } from "./service.ts";
import { askedOf, type PlacedBy, placedBy } from "./workload.ts";

/** A service of the stack, and where it is meant to run. */
export interface ServiceFacts {
  readonly urn: string;
  /** `InferenceService default/gemma`, and its provider where two targets have one of that name. */
  readonly subject: string;
  /** `default/gemma`, likewise. */
  readonly name: string;
  readonly targetKey: string;
  readonly placedBy: PlacedBy;
  /** Undefined where the manifest cannot be read. */
  readonly joined: Joined | undefined;
  readonly need: Need;
  /** Undefined where its need is not known, or nothing can be foreseen. */
  readonly waiting: Waiting | undefined;
}

/** All that the policies about a fleet go by. */
export interface FleetFacts {
  readonly manifests: StackManifests;
  readonly hosts: OpenedHosts;
  readonly services: readonly ServiceFacts[];
  readonly picture: Picture;
}

/**
 * Reads a stack: its services, what each needs, and where each would run.
 *
 * @param before the same stack before the change, where it is known
 */
export async function fleetFacts(
  resources: readonly StackResource[],
  config: HostsConfig,
  read: HeaderReader,
  before?: readonly StackResource[],
): Promise<FleetFacts> {
  const hosts = await openHosts(resources, config);
  const manifests = manifestsOf(resources);
  const services = await servicesOf(manifests, hosts, read);
  const earlier = before && (await servicesOf(manifestsOf(before), hosts, read));
  const contextFor = (name: string, bytes: number) => {
    const need = services.find((service) => service.name === name)?.need;
    return need?.state === "known" ? need.contextFor(bytes) : undefined;
  };
  const scene = {
    hosts: hosts.hosts,
    running: hosts.running,
    before: earlier && waitingOf(earlier),
    after: waitingOf(services),
    refused: toldOf(services, "refused"),
    unknown: toldOf(services, "unknown"),
  };
  return { manifests, hosts, services, picture: pictureOf(scene, contextFor) };
}

async function servicesOf(
  { services, models }: StackManifests,
  hosts: OpenedHosts,
  read: HeaderReader,
): Promise<readonly ServiceFacts[]> {
  const byTarget = Map.groupBy(services, ({ reading }) => reading.subject);
  return Promise.all(
    services.map(async (found): Promise<ServiceFacts> => {
      const { urn, target, reading } = found;
      const isAlone = (byTarget.get(reading.subject)?.length ?? 0) < 2;
      const subject = isAlone ? reading.subject : `${reading.subject} (${target.provider ?? target.key})`;
      const name = subject.replace(/^InferenceService /, "");
      const by = placedBy(target, hosts);
      const { joined, need } = await joinedNeed(found, models, read);
      const facts = { urn, subject, name, targetKey: target.key, placedBy: by, joined };
      if (joined === undefined || need.state !== "known") return { ...facts, need, waiting: undefined };
      const asked = askedOf(name, joined, need.bytes, by);
      if (!asked.ok) return { ...facts, need: { state: "unknown", why: asked.error }, waiting: undefined };
      return { ...facts, need, waiting: asked.value };
    }),
  );
}

async function joinedNeed(
  found: Found<Joined["service"]>,
  models: StackManifests["models"],
  read: HeaderReader,
): Promise<{ readonly joined: Joined | undefined; readonly need: Need }> {
  const joining = join(found, models);
  if (joining.state === "joined") return { joined: joining.joined, need: await needOf(joining.joined, read) };
  const state = joining.state === "faulty" ? "refused" : "unknown";
  return { joined: undefined, need: { state, why: joining.why } };
}

function waitingOf(services: readonly ServiceFacts[]): readonly Waiting[] {
  const waiting = services.flatMap((service) => service.waiting ?? []);
  return distinctNames(waiting.filter(({ replicas }) => replicas > 0));
}

/** Two services that are one object are refused elsewhere, and must not be counted as one here. */
function distinctNames(waiting: readonly Waiting[]): readonly Waiting[] {
  const seen = new Map<string, number>();
  return waiting.map(({ workload, replicas }) => {
    const times = (seen.get(workload.name) ?? 0) + 1;
    seen.set(workload.name, times);
    const named: Workload = times === 1 ? workload : { ...workload, name: `${workload.name} (${times})` };
    return { workload: named, replicas };
  });
}

function toldOf(services: readonly ServiceFacts[], state: "refused" | "unknown"): readonly Told[] {
  return services.flatMap(({ name, need }) => (need.state === state ? [{ name, why: need.why }] : []));
}

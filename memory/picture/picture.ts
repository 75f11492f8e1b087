import { formatBytes } from "../../api/quantity.ts";
import { mismatch } from "../placement/demands.ts";
import type { Host } from "../placement/host.ts";
import { OBSTACLES, obstacleText } from "../placement/obstacle-text.ts";
import type { Outcome } from "../placement/place.ts";
import { priorityAbove } from "../placement/priorities.ts";
import { wayIn, wayInText } from "../placement/way-in.ts";
import type { Bound, Waiting, Workload } from "../placement/workload.ts";
import type { Scene, Told } from "./scene.ts";
import { type Settled, settleTurns, unmoved } from "./turns.ts";

/** What becomes of a fleet, for people. All amounts in whole bytes. */
export interface Picture {
  /** By name. */
  readonly hosts: readonly HostPicture[];
  /** Services that want at least one replica, and whose need is known. */
  readonly services: number;
  /** Highest priority first. */
  readonly out: readonly Out[];
  /** Services that take turns with others of their Mac: they sleep until a request. By name. */
  readonly resting: readonly Told[];
  /** What runs today, is none of these services, and loses its place to one of them. */
  readonly displaced: readonly Told[];
  readonly refused: readonly Told[];
  readonly unknown: readonly Told[];
  /** Services that are among those above with a part of their need alone. */
  readonly partly: readonly Told[];
}

export interface HostPicture {
  readonly name: string;
  readonly allocatableBytes: number;
  /** Undefined where nobody knows what was there before. */
  readonly before: readonly Share[] | undefined;
  readonly after: readonly Share[];
}

/** What one model has of one host. */
export interface Share {
  readonly name: string;
  readonly bytes: number;
  /** It depends on the scheduler's choice for others whether it runs. */
  readonly mayRun: boolean;
}

/** A service of which some replicas stay out. */
export interface Out {
  readonly name: string;
  /** That stay out. */
  readonly replicas: number;
  /** That are wanted. */
  readonly wanted: number;
  /** Of one replica. */
  readonly needBytes: number;
  /** One clause. */
  readonly why: string;
  /** The smallest changes that let one in, as one clause; undefined: none here would help. */
  readonly remedy: string | undefined;
}

/**
 * Who is on which host before and after a change, who stays out, and what would let them in.
 *
 * @param contextFor the largest context in tokens with which a service needs no more than so many bytes; undefined: none, or not known
 */
export function pictureOf(
  scene: Scene,
  contextFor: (service: string, bytes: number) => number | undefined = () => undefined,
): Picture {
  const { hosts, after, refused, unknown, partly = [] } = scene;
  const before = roomsBefore(scene);
  const placed = settleTurns(hosts, stillThere(scene), after);
  const uncertain = new Set(placed.outcomes.flatMap(mayRunKey));
  const sorted = hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    hosts: sorted.map(({ name, allocatableBytes }) => ({
      name,
      allocatableBytes,
      before: before && sharesOf(before.rooms.get(name)?.bound ?? [], name, new Set()),
      after: sharesOf(placed.rooms.get(name)?.bound ?? [], name, uncertain),
    })),
    services: after.length,
    out: outOf(hosts, placed, after, contextFor),
    resting: placed.resting.map(({ name, host, needBytes }) => ({
      name,
      why: `${formatBytes(needBytes)} on ${host}`,
    })),
    displaced: byName(displacedOthers(placed, after)),
    refused: byName(refused),
    unknown: byName(unknown),
    partly: byName(partly),
  };
}

function byName(told: readonly Told[]): readonly Told[] {
  return told.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function roomsBefore({ hosts, running, before }: Scene): Settled | undefined {
  if (before !== undefined) return settleTurns(hosts, running, before);
  return running.length === 0 ? undefined : settleTurns(hosts, running, []);
}

/** Without what the change takes away: services that were there before and are not wanted after. */
function stillThere({ running, before = [], after }: Scene): readonly Bound[] {
  const kept = new Set(after.map(({ workload }) => workload.name));
  const gone = new Set(before.map(({ workload }) => workload.name).filter((name) => !kept.has(name)));
  return running.filter(({ workload }) => workload === undefined || !gone.has(workload));
}

function mayRunKey(outcome: Outcome): readonly string[] {
  return outcome.kind === "may run" ? [`${outcome.workload} ${outcome.host}`] : [];
}

/** Largest first. */
function sharesOf(bound: readonly Bound[], host: string, uncertain: ReadonlySet<string>): readonly Share[] {
  const shares = bound.map(({ workload, pod, needBytes }) => {
    const name = workload ?? pod;
    return { name, bytes: needBytes, mayRun: uncertain.has(`${name} ${host}`) };
  });
  return shares.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

function outOf(
  hosts: readonly Host[],
  { outcomes, staying: bound }: Settled,
  services: readonly Waiting[],
  contextFor: (service: string, bytes: number) => number | undefined,
): readonly Out[] {
  const byService = Map.groupBy(
    outcomes.filter((outcome) => outcome.kind === "stays out"),
    ({ workload }) => workload,
  );
  const outs = services.flatMap(({ workload, replicas, isPortChosen = false }): readonly Out[] => {
    const staying = byService.get(workload.name) ?? [];
    const yields = displaced(outcomes, workload.name);
    const [first] = staying;
    if (first === undefined && yields === undefined) return [];
    const { name, needBytes } = workload;
    const counted = { name, needBytes, wanted: replicas, replicas: staying.length + (yields?.replicas ?? 0) };
    if (first === undefined) return [{ ...counted, why: yields?.why ?? "", remedy: undefined }];
    const port = isPortChosen ? workload.port : undefined;
    return [
      { ...counted, why: whyOut(first.reasons, port) + besideWhat(first.reasons), remedy: remedyFor(first.reasons) },
    ];

    // Nobody should think that it waits for those that sleep.
    function besideWhat(reasons: Reasons): string {
      const isForOthers = workload.takesTurns === true && [...reasons.values()].includes("memory");
      return isForOthers && largerHost(hosts, workload) === undefined ? " beside what does not take turns" : "";
    }

    function remedyFor(reasons: Reasons): string | undefined {
      if (port !== undefined && isForPortAlone(reasons)) return `another spec.endpoint.port than ${port}`;
      const way = wayIn(hosts, workload.takesTurns === true ? unmoved(bound) : bound, workload);
      return (way && wayInText(way, (bytes) => contextFor(name, bytes), priorityAbove)) || largerHost(hosts, workload);
    }
  });
  const priority = new Map(services.map(({ workload }) => [workload.name, workload.priority]));
  return outs.sort((a, b) => (priority.get(b.name) ?? 0) - (priority.get(a.name) ?? 0) || (a.name < b.name ? -1 : 1));
}

/** Replicas that run today and yield to somebody of a higher priority. */
function displaced(
  outcomes: readonly Outcome[],
  name: string,
): { readonly replicas: number; readonly why: string } | undefined {
  const to = outcomes.flatMap((outcome) =>
    outcome.kind === "stays out"
      ? []
      : outcome.displaces.flatMap(({ workload }) => (workload === name ? [outcome.workload] : [])),
  );
  return to.length === 0
    ? undefined
    : { replicas: to.length, why: `it yields to ${to[0]}, which has a higher priority` };
}

/** The same of what is none of the services. */
function displacedOthers({ outcomes }: Settled, services: readonly Waiting[]): readonly Told[] {
  const own = new Set<string | undefined>(services.map(({ workload }) => workload.name));
  return outcomes.flatMap((outcome) => {
    if (outcome.kind === "stays out") return [];
    const others = outcome.displaces.filter(({ workload }) => !own.has(workload));
    return others.map(({ pod, workload, host, needBytes }) => ({
      name: workload ?? pod,
      why: `its ${formatBytes(needBytes)} on ${host} yield to ${outcome.workload}, which has a higher priority`,
    }));
  });
}

type Reasons = Extract<Outcome, { kind: "stays out" }>["reasons"];

/** On every Mac that it may be on the port is all that it lacks: no priority is worth that. */
function isForPortAlone(reasons: Reasons): boolean {
  const open = [...reasons.values()].filter((kind) => kind !== "labels" && kind !== "taint");
  return open.length > 0 && open.every((kind) => kind === "port");
}

/** @param port undefined where nobody chose it: then only another replica has it */
function whyOut(reasons: Reasons, port: number | undefined): string {
  const kinds = [...reasons.values()];
  if (kinds.length === 0) return "there is no Mac";
  const clauses = OBSTACLES.flatMap((obstacle) => {
    const count = kinds.filter((kind) => kind === obstacle).length;
    return count === 0 ? [] : [obstacleText(obstacle, count, port)];
  });
  return clauses.join("; ");
}

/** Where no Mac that it may be on would hold it even alone. */
function largerHost(hosts: readonly Host[], { needBytes, demands }: Workload): string | undefined {
  const open = hosts.filter((host) => mismatch(demands, host) === undefined);
  const [largest] = open.toSorted((a, b) => b.allocatableBytes - a.allocatableBytes);
  if (largest === undefined || largest.allocatableBytes >= needBytes) return undefined;
  const [has, lacks] = [largest.allocatableBytes, needBytes - largest.allocatableBytes].map(formatBytes);
  return `${largest.name} has ${has} for all models, ${lacks} less than it needs: a larger Mac, a smaller context or a smaller model`;
}

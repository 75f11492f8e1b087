import { basename } from "node:path";
import { DEFAULT_PORT } from "../../api/constants.ts";
import { DEFAULT_PORTS, PRIORITY_CLASSES, WEIGHTS_LABEL_PREFIX, weightsKey } from "../../api/fleet.ts";
import { GATEWAY_ANNOTATION } from "../../api/on-demand.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { Demands, Term } from "../../memory/placement/demands.ts";
import { podAsks } from "../../memory/placement/pod-spec.ts";
import type { Workload } from "../../memory/placement/workload.ts";
import { memoryTerms } from "../../serving/affinity.ts";
import { podDemands, wantedReplicas } from "../../serving/pod-demands.ts";
import { allocatePort } from "../../serving/ports.ts";
import type { ServedSubject } from "../definition.ts";
import type { KnownHosts } from "../hosts/fleet.ts";
import { absolute, type Target } from "./target.ts";

/** Where the agent of one Mac, or the scheduler of a cluster, puts a service. */
export type PlacedBy =
  /** The Mac that reads the folder; undefined: no host is known at all. */
  { readonly kind: "folder"; readonly host: string | undefined } | { readonly kind: "scheduler" };

/**
 * A folder belongs to the Mac that names it, or has its name, or that of its provider; with one Mac, to that one. A folder that none of
 * several Macs reads is taken for the manifests of a cluster.
 */
export function placedBy({ folder, provider }: Target, { hosts, byFolder }: KnownHosts): PlacedBy {
  if (folder === undefined) return { kind: "scheduler" };
  const named = [...byFolder].find(([read]) => absolute(read) === folder)?.[1];
  const called = hosts.find(({ name }) => name === basename(folder)) ?? hosts.find(({ name }) => name === provider);
  const host = named ?? called?.name ?? (hosts.length === 1 ? hosts[0]?.name : undefined);
  return host === undefined && hosts.length > 0 ? { kind: "scheduler" } : { kind: "folder", host };
}

/** What a service asks of the Macs, and how many of them it wants. */
export interface Asked {
  readonly workload: Workload;
  readonly replicas: number;
  readonly isPortChosen: boolean;
}

/** As the controller gives one of its own to each service. Which one it is decides nothing. */
export function portsOf(names: readonly string[]): readonly number[] {
  const held = new Map<number, string>();
  return names.map((name) => {
    const port = allocatePort(held, name, DEFAULT_PORTS);
    const given = port.ok ? port.value : DEFAULT_PORT;
    held.set(given, name);
    return given;
  });
}

/** A service by its name among all, and the port that a controller gives it. */
export interface Given {
  readonly name: string;
  readonly port?: number | undefined;
}

/**
 * A service as placement sees it: by the code with which the controller makes its pods, and by what the agent of a folder goes by. Fails
 * where nothing can be foreseen of it.
 *
 */
export function askedOf(
  { name, port: given = DEFAULT_PORT }: Given,
  { service, model }: ServedSubject,
  needBytes: number,
  by: PlacedBy,
): Result<Asked> {
  const { source = "" } = model.spec;
  const weightsLabel = WEIGHTS_LABEL_PREFIX + weightsKey({ ...model.spec, source });
  const wanted = wantedReplicas(service);
  const common = { name, needBytes, weightsLabel };
  const demands = podDemands(service.spec, { ...model.spec, source }, needBytes);
  if (!demands.ok) return demands;
  const priority = priorityOf(demands.value.priorityClassName);
  if (by.kind === "folder") {
    const takesTurns = isBehindGateway(service) && service.spec.evictionProtection !== true;
    const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
    const fraction = memoryBudget === undefined ? memoryFraction : undefined;
    const port = service.spec.endpoint?.port ?? (isBehindGateway(service) ? given : DEFAULT_PORT);
    const here = onHost(by.host, memoryTerms({ needBytes, fraction }) as readonly Term[]);
    const workload = { ...common, port, priority, demands: here, hasOtherRules: false, takesTurns };
    return ok({ workload, replicas: Math.min(1, wanted), isPortChosen: true });
  }
  const { topologySpreadConstraints } = service.spec;
  const asks = podAsks({ ...demands.value, topologySpreadConstraints });
  if (asks === undefined) return fail("its affinity or tolerations are of a form that is not known here");
  return ok({ workload: { ...common, ...asks, port: given, priority }, replicas: wanted, isPortChosen: false });
}

/** Behind a gateway a service that names no port gets a free one from its agent. */
export function isBehindGateway({ annotations }: Pick<ServedSubject["service"], "annotations">): boolean {
  return annotations[GATEWAY_ANNOTATION] !== undefined;
}

/** That of a class which is not ours is not known; without a class a pod has 0. */
function priorityOf(className: string): number {
  return Object.values(PRIORITY_CLASSES).find(({ name }) => name === className)?.value ?? 0;
}

/** Labels and taints count for nothing where no scheduler is asked. */
function onHost(host: string | undefined, terms: readonly Term[]): Demands {
  const here: Term =
    host === undefined ? {} : { matchFields: [{ key: "metadata.name", operator: "In", values: [host] }] };
  const both = terms.length === 0 ? [here] : terms.map((term) => ({ ...term, ...here }));
  return {
    nodeSelector: {},
    terms: host === undefined && terms.length === 0 ? undefined : both,
    tolerations: [{ operator: "Exists" }],
  };
}

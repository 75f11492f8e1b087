import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Desired } from "../../workload/desired.ts";
import { nameOf } from "../../workload/manifest.ts";
import { type ModelLookup, refusal, resolveService } from "../../workload/resolve.ts";
import { DEFAULT_GRACE_PERIOD_MS, type HostFacts } from "../../workload/workload.ts";
import { type WorkloadId, workloadId } from "../../workload/workload-id.ts";
import { portsByName } from "./ports.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What is wanted, by `namespace/name` of the InferenceService, which is its identity here. A port that two ask for belongs to the one
 * that runs there, else to one that runs, else to the first by name (LLMKube#232): nobody takes it from a server. A server that runs
 * elsewhere, and whose manifest asks for such a port, goes on as it is.
 *
 * @param running the workloads that have a process, and the port of each
 * @param gatewayPort that of this agent's gateway; undefined: it has none, and a service without a port of its own has 8080
 */
export function desiredWorkloads(
  { manifests, unreadable, synced }: Pick<Snapshot, "manifests" | "unreadable" | "synced">,
  host: HostFacts,
  running: ReadonlyMap<WorkloadId, number>,
  gatewayPort?: number,
): ReadonlyMap<WorkloadId, Desired> {
  const models: ModelLookup = (name) => {
    const model = manifests.get(`Model ${name}`);
    if (model?.kind === "Model") return model;
    // While something in the folder cannot be told, it may be this Model.
    return unreadable.has(`Model ${name}`) || !synced ? "unreadable" : "absent";
  };
  const wanted = new Map<WorkloadId, Desired>();
  const ports = new Map<number, string>(gatewayPort === undefined ? [] : [[gatewayPort, "the gateway"]]);
  const services = servicesByName(manifests);
  const byName = gatewayPort === undefined ? undefined : portsOf(services, running, gatewayPort);
  const resolved = services.map((service) => {
    const id = idOf(service);
    const port = byName?.get(id);
    const placement = {
      id,
      ...(port !== undefined && { port }),
      placedBy: "folder" as const,
      host: "127.0.0.1",
      gracePeriodMs: DEFAULT_GRACE_PERIOD_MS,
      returnsAfterEviction: true,
    };
    return { id, desired: resolveService(service, placement, models, host) };
  });
  for (const { id, desired } of resolved.toSorted((a, b) => claimOf(a, running) - claimOf(b, running))) {
    const conflict = portConflict(desired, ports);
    wanted.set(id, conflict === undefined ? desired : withoutPort(id, conflict, running));
  }
  for (const { identity, problem } of unreadable.values()) {
    if (identity.kind !== "InferenceService") continue;
    const name = `${identity.namespace}/${identity.name}`;
    wanted.set(workloadId(name), { kind: "unknown", name, message: problem });
  }
  return wanted;
}

/** By the name of each service that names none: behind a gateway nobody needs to know them. A spec.endpoint always names one. */
function portsOf(
  services: readonly InferenceService[],
  running: ReadonlyMap<WorkloadId, number>,
  gatewayPort: number,
): ReadonlyMap<string, number> {
  const ids = new Set(services.map(idOf));
  const others = [...running].flatMap(([id, port]) => (ids.has(id) ? [] : [port]));
  const askers = services.map((service) => {
    const id = idOf(service);
    return { name: id, asked: service.spec.endpoint?.port, running: running.get(id) };
  });
  return portsByName(askers, [gatewayPort, ...others]);
}

function servicesByName(manifests: Snapshot["manifests"]): readonly InferenceService[] {
  const services = [...manifests.values()].filter((manifest) => manifest.kind === "InferenceService");
  return services.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

interface Claimant {
  readonly id: WorkloadId;
  readonly desired: Desired;
}

/** Who has the best claim to its port: 0 runs there, 1 runs elsewhere, 2 does not run. */
function claimOf({ id, desired }: Claimant, running: ReadonlyMap<WorkloadId, number>): 0 | 1 | 2 {
  const port = running.get(id);
  if (port === undefined) return 2;
  return desired.kind === "run" && desired.workload.fields.port === port ? 0 : 1;
}

function idOf(service: InferenceService): WorkloadId {
  return workloadId(nameOf(service));
}

interface PortConflict {
  readonly name: string;
  readonly message: string;
}

/** Undefined if the port is free, or not asked for; then it belongs to this one. */
function portConflict(desired: Desired, ports: Map<number, string>): PortConflict | undefined {
  if (desired.kind !== "run") return undefined;
  const { name, fields } = desired.workload;
  const owner = ports.get(fields.port);
  if (owner === undefined) {
    ports.set(fields.port, name);
    return undefined;
  }
  return { name, message: `port ${fields.port} belongs to ${owner}: give ${name} another spec.endpoint.port` };
}

/** A server that runs on another port keeps it; nothing is started on a port of somebody else. */
function withoutPort(
  id: WorkloadId,
  { name, message }: PortConflict,
  running: ReadonlyMap<WorkloadId, number>,
): Desired {
  return running.has(id) ? { kind: "unknown", name, message } : refusal(name, "PortConflict", message);
}

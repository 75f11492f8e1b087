import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Desired } from "../../workload/desired.ts";
import { nameOf } from "../../workload/manifest.ts";
import { type ModelLookup, refusal, resolveService } from "../../workload/resolve.ts";
import { DEFAULT_GRACE_PERIOD_MS, type HostFacts } from "../../workload/workload.ts";
import { type WorkloadId, workloadId } from "../../workload/workload-id.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What is wanted, by `namespace/name` of the InferenceService, which is its identity here. A port that two ask for belongs to the one
 * that runs, else to the first by name (LLMKube#232): a newcomer never takes it from a server.
 */
export function desiredWorkloads(
  { manifests, unreadable, synced }: Pick<Snapshot, "manifests" | "unreadable" | "synced">,
  host: HostFacts,
  running: ReadonlySet<WorkloadId>,
): ReadonlyMap<WorkloadId, Desired> {
  const models: ModelLookup = (name) => {
    const model = manifests.get(`Model ${name}`);
    if (model?.kind === "Model") return model;
    // While something in the folder cannot be told, it may be this Model.
    return unreadable.has(`Model ${name}`) || !synced ? "unreadable" : "absent";
  };
  const wanted = new Map<WorkloadId, Desired>();
  const ports = new Map<number, string>();
  for (const service of ranked(manifests, running)) {
    const id = idOf(service);
    const placement = { id, host: "127.0.0.1", gracePeriodMs: DEFAULT_GRACE_PERIOD_MS, returnsAfterEviction: true };
    wanted.set(id, withPort(resolveService(service, placement, models, host), ports));
  }
  for (const { identity, problem } of unreadable.values()) {
    if (identity.kind !== "InferenceService") continue;
    const name = `${identity.namespace}/${identity.name}`;
    wanted.set(workloadId(name), { kind: "unknown", name, message: problem });
  }
  return wanted;
}

/** Those that run first, and by name. */
function ranked(manifests: Snapshot["manifests"], running: ReadonlySet<WorkloadId>): readonly InferenceService[] {
  const services = [...manifests.values()].filter((manifest) => manifest.kind === "InferenceService");
  const rank = (service: InferenceService) => `${running.has(idOf(service)) ? 0 : 1} ${nameOf(service)}`;
  return services.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function idOf(service: InferenceService): WorkloadId {
  return workloadId(nameOf(service));
}

function withPort(desired: Desired, ports: Map<number, string>): Desired {
  if (desired.kind !== "run") return desired;
  const { name, fields } = desired.workload;
  const owner = ports.get(fields.port);
  if (owner === undefined) {
    ports.set(fields.port, name);
    return desired;
  }
  const message = `port ${fields.port} belongs to ${owner}: give ${name} another spec.endpoint.port`;
  return refusal(name, "PortConflict", message);
}

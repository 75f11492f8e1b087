import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Model } from "../../../api/model.ts";
import type { Desired } from "../../workload/desired.ts";
import { type Manifest, nameOf } from "../../workload/manifest.ts";
import { refusal, resolveService } from "../../workload/resolve.ts";
import { DEFAULT_GRACE_PERIOD_MS, type HostFacts } from "../../workload/workload.ts";
import { type WorkloadId, workloadId } from "../../workload/workload-id.ts";

/**
 * What is wanted, by `namespace/name` of the InferenceService, which is its identity here. A port that two ask for belongs to the one
 * that runs, else to the first by name (LLMKube#232): a newcomer never takes it from a server.
 */
export function desiredWorkloads(
  manifests: readonly Manifest[],
  host: HostFacts,
  running: ReadonlySet<WorkloadId> = new Set(),
): ReadonlyMap<WorkloadId, Desired> {
  const models = new Map<string, Model>();
  const services: InferenceService[] = [];
  for (const manifest of manifests) {
    if (manifest.kind === "Model") models.set(nameOf(manifest), manifest);
    else services.push(manifest);
  }
  const rank = (service: InferenceService) => `${running.has(idOf(service)) ? 0 : 1} ${nameOf(service)}`;
  services.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const wanted = new Map<WorkloadId, Desired>();
  const ports = new Map<number, string>();
  for (const service of services) {
    const id = idOf(service);
    const placement = { id, host: "127.0.0.1", gracePeriodMs: DEFAULT_GRACE_PERIOD_MS, returnsAfterEviction: true };
    const desired = resolveService(service, placement, (name) => models.get(name) ?? "absent", host);
    wanted.set(id, withPort(desired, ports));
  }
  return wanted;
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

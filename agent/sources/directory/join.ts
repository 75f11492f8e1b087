import { DEFAULT_PORT } from "../../../api/constants.ts";
import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Desired } from "../../workload/desired.ts";
import { nameOf } from "../../workload/manifest.ts";
import { type ModelLookup, refusal, resolveService } from "../../workload/resolve.ts";
import { DEFAULT_GRACE_PERIOD_MS, type HostFacts } from "../../workload/workload.ts";
import { type WorkloadId, workloadId } from "../../workload/workload-id.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * What is wanted, by `namespace/name` of the InferenceService, which is its identity here. A port that two ask for belongs to the one
 * whose server has it, else to one that runs, else to the first by name (LLMKube#232): nobody takes it from a server, and no server ends because
 * its own manifest asks for the port of another one.
 *
 * @param running the port of each workload that has a process
 */
export function desiredWorkloads(
  { manifests, unreadable, synced }: Pick<Snapshot, "manifests" | "unreadable" | "synced">,
  host: HostFacts,
  running: ReadonlyMap<WorkloadId, number>,
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
    wanted.set(id, withPort(resolveService(service, placement, models, host), ports, running.has(id)));
  }
  for (const { identity, problem } of unreadable.values()) {
    if (identity.kind !== "InferenceService") continue;
    const name = `${identity.namespace}/${identity.name}`;
    wanted.set(workloadId(name), { kind: "unknown", name, message: problem });
  }
  return wanted;
}

/** Those first whose server has the port that they ask for, then others that run, and by name. */
function ranked(
  manifests: Snapshot["manifests"],
  running: ReadonlyMap<WorkloadId, number>,
): readonly InferenceService[] {
  const services = [...manifests.values()].filter((manifest) => manifest.kind === "InferenceService");
  const rank = (service: InferenceService) => {
    const port = running.get(idOf(service));
    const asked = service.spec.endpoint?.port ?? DEFAULT_PORT;
    return `${port === asked ? 0 : port === undefined ? 2 : 1} ${nameOf(service)}`;
  };
  return services.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function idOf(service: InferenceService): WorkloadId {
  return workloadId(nameOf(service));
}

function withPort(desired: Desired, ports: Map<number, string>, isRunning: boolean): Desired {
  if (desired.kind !== "run") return desired;
  const { name, fields } = desired.workload;
  const owner = ports.get(fields.port);
  if (owner === undefined) {
    ports.set(fields.port, name);
    return desired;
  }
  const message = `port ${fields.port} belongs to ${owner}: give ${name} another spec.endpoint.port`;
  return isRunning ? { kind: "unknown", name, message } : refusal(name, "PortConflict", message);
}

import { GiB, MiB } from "../../../api/bytes.ts";
import { MAC_TAINT, NODE_LABELS } from "../../../api/fleet.ts";
import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Model } from "../../../api/model.ts";
import { parseManifest } from "../../../api/parse.ts";
import type { KnownEstimate } from "../../../memory/estimate/types.ts";
import type { Host } from "../../../memory/placement/host.ts";

const API = { apiVersion: "inference.llmkube.dev/v1alpha1" };

/** A service as the API server has it. */
export function service(spec: object = {}, metadata: object = {}): InferenceService {
  const parsed = parseManifest({
    ...API,
    kind: "InferenceService",
    metadata: { name: "chat", namespace: "team", uid: "uid-1", ...metadata },
    spec: { modelRef: "llama", ...spec },
  });
  if (!parsed.ok || parsed.value.kind !== "InferenceService") throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

export function model(hardware: object = {}, spec: object = {}): Model {
  const parsed = parseManifest({
    ...API,
    kind: "Model",
    metadata: { name: "llama", namespace: "team" },
    spec: { source: "hf://org/repo/llama.gguf", hardware: { accelerator: "metal", ...hardware }, ...spec },
  });
  if (!parsed.ok || parsed.value.kind !== "Model") throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

export function needing(totalBytes: number): KnownEstimate {
  return {
    architecture: "llama",
    confidence: "exact",
    fileBytes: totalBytes,
    weightsBytes: totalBytes,
    contextBytes: { kv: 0, recurrent: 0 },
    computeBytes: { device: 0, host: 0 },
    outputBytes: 0,
    parts: { weights: totalBytes },
    totalBytes,
    notes: [],
  };
}

/** A Mac with so much memory, of which two thirds are for models. */
export function mac(name: string, gib: number, more: Partial<Host> = {}): Host {
  const allocatableBytes = Math.trunc(gib * GiB * 0.67);
  const memoryMiB = (gib * GiB) / MiB;
  const workingSetMiB = Math.floor((gib * GiB * 0.75) / MiB);
  return {
    name,
    allocatableBytes,
    allocatablePods: 110,
    memoryMiB,
    workingSetMiB,
    labels: {
      [NODE_LABELS.os]: "darwin",
      [NODE_LABELS.hostname]: name,
      [NODE_LABELS.memoryMiB]: String(memoryMiB),
      [NODE_LABELS.workingSetMiB]: String(workingSetMiB),
    },
    taints: [{ key: MAC_TAINT.key, value: MAC_TAINT.value, effect: MAC_TAINT.effect }],
    unschedulable: false,
    isReady: true,
    ...more,
  };
}

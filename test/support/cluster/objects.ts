/** Manifests as a person writes them, for the scenarios of a fleet. */

const API_VERSION = "inference.llmkube.dev/v1alpha1";

export interface ModelSettings {
  readonly name: string;
  readonly source: string;
  /** Quantity; none by default. */
  readonly budget?: string;
  /** Share of the memory of a Mac. */
  readonly fraction?: number;
  readonly spec?: object;
}

export function model({ name, source, budget, fraction, spec = {} }: ModelSettings): object {
  const hardware = { accelerator: "metal", memoryBudget: budget, memoryFraction: fraction };
  return { apiVersion: API_VERSION, kind: "Model", metadata: { name }, spec: { source, hardware, ...spec } };
}

export interface ServiceSettings {
  readonly name: string;
  /** Name of the Model; default: the same. */
  readonly model?: string;
  readonly replicas?: number;
  readonly priority?: string;
  readonly contextSize?: number;
  readonly spec?: object;
}

export function service(settings: ServiceSettings): object {
  const { name, model: modelRef = name, replicas, priority, contextSize = 2048, spec = {} } = settings;
  return {
    apiVersion: API_VERSION,
    kind: "InferenceService",
    metadata: { name },
    spec: { modelRef, replicas, priority, contextSize, ...spec },
  };
}

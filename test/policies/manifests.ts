const API_VERSION = "inference.llmkube.dev/v1alpha1";

/** Inputs of a Model, as a program hands them to the engine. */
export function model(spec: object, name = "gemma") {
  return { apiVersion: API_VERSION, kind: "Model", metadata: { name, namespace: "default" }, spec };
}

/** Inputs of an InferenceService of that Model. */
export function service(spec: object, name = "gemma") {
  return {
    apiVersion: API_VERSION,
    kind: "InferenceService",
    metadata: { name, namespace: "default" },
    spec: { modelRef: name, ...spec },
  };
}

/** LLMKube's API group. Manifests that were written for LLMKube work here, and the other way round. */
export const GROUP = "inference.llmkube.dev";
export const VERSION = "v1alpha1";
export const GROUP_VERSION = `${GROUP}/${VERSION}` as const;

export const KINDS = ["Model", "InferenceService"] as const;
export type Kind = (typeof KINDS)[number];

/** The namespace of a manifest that names none. */
export const DEFAULT_NAMESPACE = "default";

/** The port of a service that names none. */
export const DEFAULT_PORT = 8080;

/** LLMKube's API group: manifests written for it work here, and the other way round. */
export const GROUP = "inference.llmkube.dev";
export const VERSION = "v1alpha1";
export const GROUP_VERSION = `${GROUP}/${VERSION}` as const;

export const KINDS = ["Model", "InferenceService"] as const;
export type Kind = (typeof KINDS)[number];

/** Where a namespaced manifest without a namespace lives. */
export const DEFAULT_NAMESPACE = "default";

/** Port of a service that names none. */
export const DEFAULT_PORT = 8080;

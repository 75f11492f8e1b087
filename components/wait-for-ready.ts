import { SERVICE_CONDITIONS } from "../api/fleet.ts";

/** How long to wait by default: the weights may have to be downloaded before the server starts. */
export const READY_TIMEOUT_SECONDS = 1800;

/**
 * Annotations of an InferenceService by which Pulumi's kubernetes provider waits for it. The condition is the controller's, and it names
 * the generation that it is about, so that an update waits for what it has changed. (`Ready` is no condition of this API, and
 * `status.phase` says nothing of the generation.) The timeout is always set: without one the provider may wait for 40 minutes on an
 * object that was ready all along.
 */
export function waitAnnotations(timeoutSeconds: number = READY_TIMEOUT_SECONDS): Readonly<Record<string, string>> {
  return {
    "pulumi.com/waitFor": `condition=${SERVICE_CONDITIONS.available}`,
    "pulumi.com/timeoutSeconds": `${timeoutSeconds}`,
  };
}

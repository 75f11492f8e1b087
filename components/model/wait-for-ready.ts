import * as pulumi from "@pulumi/pulumi";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import { isUnknown } from "../inputs/unknown.ts";
import type { KnownArgs } from "./args-schema.ts";

/** How long to wait by default: the weights may have to be downloaded before the server starts. */
const READY_TIMEOUT_SECONDS = 1800;

/**
 * Annotations of an InferenceService by which Pulumi's kubernetes provider waits for it. The condition is the controller's, and it names
 * the generation that it is about, so that an update waits for what it has changed. (`Ready` is no condition of this API, and
 * `status.phase` says nothing of the generation.) The timeout is always set: without one the provider may wait for 40 minutes on an
 * object that was ready all along.
 */
export function waitAnnotations(
  waitForReady: pulumi.Input<boolean> | undefined,
  timeoutSeconds: pulumi.Input<number> | undefined,
): pulumi.Input<Readonly<Record<string, string>>> | undefined {
  if (!isUnknown(waitForReady) && !isUnknown(timeoutSeconds)) {
    return waitForReady ? annotationsFor(timeoutSeconds) : undefined;
  }
  return pulumi.all([waitForReady, timeoutSeconds]).apply(([waits, known]) => (waits ? annotationsFor(known) : {}));
}

function annotationsFor(timeoutSeconds: number = READY_TIMEOUT_SECONDS): Readonly<Record<string, string>> {
  return {
    "pulumi.com/waitFor": `condition=${SERVICE_CONDITIONS.available}`,
    "pulumi.com/timeoutSeconds": `${timeoutSeconds}`,
  };
}

export function waitProblem(known: KnownArgs, missing: ReadonlySet<string>): string | undefined {
  const { waitForReady, serving } = known;
  if (!waitForReady) return undefined;
  if (serving === undefined && !missing.has("serving")) {
    return "waitForReady is set, but serving is not, so that there is no server to wait for: set serving, at least to an empty object";
  }
  return serving?.replicas === 0 ? "waitForReady waits for a server, but serving.replicas is 0" : undefined;
}

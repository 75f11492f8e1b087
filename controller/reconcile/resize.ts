import { isFields } from "../../api/document.ts";
import { CONTAINER_NAME, FIELD_MANAGERS } from "../../api/fleet.ts";
import type { KubeClient, KubeObject, KubeResult } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { PodView } from "../watch/pod-view.ts";
import type { Wrote } from "../write/applier.ts";
import { holds } from "../write/holds.ts";

/** A change of a Deployment's template that is one of the memory alone, as quantities. */
export interface MemoryChange {
  readonly from: string;
  readonly to: string;
}

/**
 * What a plan changes of the memory that pods request, where it changes nothing else of them: then the pods can be resized where they
 * are, and need no successor. Undefined: nothing, or more than that.
 */
export function memoryChange(planned: KubeObject, live: KubeObject | undefined): MemoryChange | undefined {
  const [to, from] = [memoryOf(planned), live && memoryOf(live)];
  if (live === undefined || to === undefined || from === undefined || to === from) return undefined;
  return holds(templateOf(withMemory(planned, from)), templateOf(live)) ? { from, to } : undefined;
}

/** The same Deployment whose pods request this memory. */
export function withMemory(deployment: KubeObject, memory: string): KubeObject {
  const changed = structuredClone(deployment);
  const requests = requestsOf(changed);
  if (requests !== undefined) requests["memory"] = memory;
  return changed;
}

/** Pods on a Mac that request another memory. What waits for a Mac is made anew with its template. */
export function podsToResize(pods: readonly PodView[], { to }: MemoryChange): readonly PodView[] {
  return pods.filter((pod) => pod.node !== undefined && !pod.isDeleting && pod.memoryRequest !== to);
}

export interface Resizing {
  readonly client: KubeClient;
  readonly wrote: Wrote;
  readonly signal: AbortSignal;
}

/**
 * Asks for the memory of a pod that runs, so that the scheduler counts right: nothing else of it changes, and nothing restarts.
 * kube-apiserver 1.36 refuses that on nodes whose os is not linux ("pod resize is only supported on linux nodes").
 */
export async function resizePod(
  { client, wrote, signal }: Resizing,
  { name, namespace }: PodView,
  memory: string,
): Promise<KubeResult<unknown>> {
  const patch = { spec: { containers: [{ name: CONTAINER_NAME, resources: { requests: { memory } } }] } };
  const resized = await client.patch(KINDS.pod, { namespace, name }, patch, {
    type: "strategic",
    subresource: "resize",
    fieldManager: FIELD_MANAGERS.controller,
    signal,
  });
  wrote("patch", "Pod/resize", resized.ok);
  return resized;
}

function templateOf(deployment: KubeObject): unknown {
  const spec = deployment["spec"];
  return isFields(spec) ? spec["template"] : undefined;
}

function requestsOf(deployment: KubeObject): Record<string, unknown> | undefined {
  const template = templateOf(deployment);
  const spec = isFields(template) ? template["spec"] : undefined;
  const containers = isFields(spec) && Array.isArray(spec["containers"]) ? spec["containers"] : [];
  const container: unknown = containers.find((one: unknown) => isFields(one) && one["name"] === CONTAINER_NAME);
  const resources = isFields(container) ? container["resources"] : undefined;
  const requests = isFields(resources) ? resources["requests"] : undefined;
  return isFields(requests) ? (requests as Record<string, unknown>) : undefined;
}

function memoryOf(deployment: KubeObject): string | undefined {
  const memory = requestsOf(deployment)?.["memory"];
  return typeof memory === "string" ? memory : undefined;
}

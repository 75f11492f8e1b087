import { childName, FIELD_MANAGERS } from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { KubeClient, KubeFailure, KubeObject, KubeResult, ObjectRef } from "../../kube/client.ts";
import { keyOfObject, refOf } from "../../kube/keys.ts";
import { KINDS, type ResourceKind } from "../../kube/kinds.ts";
import { checkOwner } from "../plan/owned.ts";
import type { ServicePlan } from "../plan/plan-service.ts";
import type { Fleet } from "../watch/fleet.ts";
import { serviceKeyOf } from "../watch/own-view.ts";
import type { Applier, Wrote } from "../write/applier.ts";

/** `collision`: a name is taken by an object that is not the service's, which is not touched. */
export type ChildrenOutcome = { readonly ok: true } | { readonly ok: false; readonly collision: string } | KubeFailure;

export interface Children {
  /** Brings the objects of a service into being as they are planned, and takes away what is no longer wanted. */
  ensure(service: InferenceService, plan: ServicePlan): Promise<ChildrenOutcome>;
  /** Lowers the replicas of a Deployment to what runs, so that nothing is scheduled anew; what runs goes on. */
  holdReplicas(deployment: KubeObject, replicas: number): Promise<KubeResult<unknown>>;
  /** Deletes all that is the service's: it is not for Macs any more. */
  removeAll(service: ObjectRef & { readonly uid: string }): Promise<KubeResult<unknown>>;
}

export interface ChildrenOptions {
  readonly client: KubeClient;
  readonly fleet: Fleet;
  readonly applier: Applier;
  readonly wrote: Wrote;
  readonly signal: AbortSignal;
}

export function children(options: ChildrenOptions): Children {
  const { client, fleet, wrote, signal } = options;
  return {
    ensure: async (service, plan) => {
      const uid = service.metadata.uid ?? "";
      const deployment = fleet.deployments.get(keyOfObject(plan.deployment));
      const { podDisruptionBudget: wanted, secret } = plan;
      const key = keyOfObject(plan.service);
      const budget = fleet.disruptionBudgets.get(key);
      const steps = [
        () => ensureOne(options, service, KINDS.service, plan.service, fleet.clusterServices.get(key)),
        async () =>
          secret !== undefined && lacksSecret(options, plan.deployment, deployment)
            ? await makeSecret(options, secret)
            : DONE,
        () => ensureOne(options, service, KINDS.deployment, plan.deployment, deployment),
        () =>
          wanted === undefined
            ? remove(options, KINDS.podDisruptionBudget, budget, uid)
            : ensureOne(options, service, KINDS.podDisruptionBudget, wanted, budget),
      ];
      for (const step of steps) {
        const done = await step();
        if (!done.ok) return done;
      }
      return DONE;
    },
    holdReplicas: async (deployment, replicas) => {
      const { metadata } = deployment;
      const patch = { metadata: { uid: metadata.uid }, spec: { replicas } };
      const done = await client.patch(KINDS.deployment, metadata, patch, { type: "merge", fieldManager, signal });
      wrote("patch", "Deployment", done.ok);
      return done;
    },
    removeAll: async ({ namespace, name, uid }) => {
      const key = `${namespace}/${childName(name)}`;
      for (const { kind, objects } of ownedKinds(fleet)) {
        const removed = await remove(options, kind, objects.get(key), uid);
        if (!removed.ok) return removed;
      }
      return DONE;
    },
  };
}

async function ensureOne(
  { client, applier, signal }: ChildrenOptions,
  service: InferenceService,
  kind: ResourceKind,
  wanted: KubeObject,
  watched: KubeObject | undefined,
): Promise<ChildrenOutcome> {
  let live = watched;
  // Only what the controller labelled is watched: the name may be somebody else's.
  if (live === undefined && !applier.isUnseen(kind, wanted)) {
    const found = await client.get(kind, refOf(keyOfObject(wanted)), { signal });
    if (!found.ok && found.kind !== "not-found") return found;
    live = found.ok ? found.value : undefined;
  }
  const owned = checkOwner(service, live);
  if (!owned.ok) return { ok: false, collision: owned.error };
  const applied = await applier.ensure(kind, wanted, live);
  return applied.ok ? DONE : applied;
}

/** It is created and never changed, and the controller may read none: that there is one already is fine. */
async function makeSecret(
  { client, wrote, signal }: ChildrenOptions,
  secret: KubeObject,
): Promise<KubeResult<unknown>> {
  const made = await client.create(KINDS.secret, secret, { fieldManager, signal });
  if (!made.ok && made.kind === "conflict") return DONE;
  wrote("create", "Secret", made.ok);
  return made;
}

async function remove(
  { client, wrote, signal }: ChildrenOptions,
  kind: ResourceKind,
  object: KubeObject | undefined,
  uid: string,
): Promise<KubeResult<unknown>> {
  if (object === undefined || !isOwnedBy(object, uid) || object.metadata.deletionTimestamp !== undefined) return DONE;
  const which = object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
  const removed = await client.delete(kind, object.metadata, { ...which, propagationPolicy: "Background", signal });
  wrote("delete", kind.kind, removed.ok);
  // Another object of that name is not ours to delete.
  return !removed.ok && (removed.kind === "not-found" || removed.kind === "conflict") ? DONE : removed;
}

const fieldManager = FIELD_MANAGERS.controller;
const DONE = { ok: true, value: undefined } as const;

function ownedKinds(fleet: Fleet) {
  return [
    { kind: KINDS.deployment, objects: fleet.deployments },
    { kind: KINDS.service, objects: fleet.clusterServices },
    { kind: KINDS.podDisruptionBudget, objects: fleet.disruptionBudgets },
  ];
}

function isOwnedBy({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) ?? false;
}

/** What a Mac says of a pod whose Secret it cannot find. */
const SECRET_NOT_FOUND = "SecretNotFound";

/**
 * The controller may not look. A Secret is made before the Deployment, so one that exists had its Secret; where that was deleted the Macs
 * say so.
 */
function lacksSecret({ fleet, applier }: ChildrenOptions, wanted: KubeObject, live: KubeObject | undefined): boolean {
  if (live === undefined) return !applier.isUnseen(KINDS.deployment, wanted);
  const service = serviceKeyOf(live);
  return service !== undefined && fleet.podsOf(service).some(({ reason }) => reason === SECRET_NOT_FOUND);
}

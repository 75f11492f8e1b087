import { FIELD_MANAGERS } from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { KubeClient, KubeFailure, KubeObject, KubeResult } from "../../kube/client.ts";
import { keyOfObject, refOf } from "../../kube/keys.ts";
import { KINDS, type ResourceKind } from "../../kube/kinds.ts";
import { checkOwner } from "../plan/owned.ts";
import type { ServicePlan } from "../plan/plan-service.ts";
import type { Fleet } from "../watch/fleet.ts";
import type { Applier, Wrote } from "../write/applier.ts";

/** `collision`: a name is taken by an object that is not the service's, which is not touched. */
export type ChildrenOutcome = { readonly ok: true } | { readonly ok: false; readonly collision: string } | KubeFailure;

export interface Children {
  /** Brings the objects of a service into being as they are planned, and takes away what is no longer wanted. */
  ensure(service: InferenceService, plan: ServicePlan): Promise<ChildrenOutcome>;
  /** Lowers the replicas of a Deployment to what runs, so that nothing is scheduled anew; what runs goes on. */
  holdReplicas(deployment: KubeObject, replicas: number): Promise<KubeResult<unknown>>;
  /** Deletes all that is the service's: it is not for Macs any more. */
  removeAll(service: { readonly key: string; readonly uid: string }): Promise<KubeResult<unknown>>;
  /** The service's uid exists no more. */
  forget(uid: string): void;
}

export interface ChildrenOptions {
  readonly client: KubeClient;
  readonly fleet: Fleet;
  readonly applier: Applier;
  readonly wrote: Wrote;
  readonly signal: AbortSignal;
}

export function children(options: ChildrenOptions): Children {
  const { client, fleet, applier, wrote, signal } = options;
  const { fieldManager } = { fieldManager: FIELD_MANAGERS.controller };
  /** Services whose Secret was made, or found, by this process. */
  const withSecret = new Set<string>();

  async function ensureOne(
    service: InferenceService,
    kind: ResourceKind,
    wanted: KubeObject,
    watched: KubeObject | undefined,
  ): Promise<ChildrenOutcome> {
    // Only what the controller labelled is watched: the name may be somebody else's.
    const live = watched === undefined ? await unwatched(kind, wanted) : { ok: true as const, value: watched };
    if (!live.ok) return live;
    const owned = checkOwner(service, live.value);
    if (!owned.ok) return { ok: false, collision: owned.error };
    const applied = await applier.ensure(kind, wanted, live.value);
    return applied.ok ? { ok: true } : applied;
  }

  async function unwatched(kind: ResourceKind, wanted: KubeObject): Promise<KubeResult<KubeObject | undefined>> {
    if (applier.isUnseen(kind, wanted)) return { ok: true, value: undefined };
    const found = await client.get(kind, refOf(keyOfObject(wanted)), { signal });
    return !found.ok && found.kind === "not-found" ? { ok: true, value: undefined } : found;
  }

  /** It is created and never changed, and the controller may read none: that there is one already is fine. */
  async function ensureSecret(uid: string, secret: KubeObject | undefined): Promise<KubeResult<unknown>> {
    if (secret === undefined || withSecret.has(uid)) return DONE;
    const made = await client.create(KINDS.secret, secret, { fieldManager, signal });
    const exists = !made.ok && made.kind === "conflict";
    if (!exists) wrote("create", "Secret", made.ok);
    if (made.ok || exists) withSecret.add(uid);
    return exists ? DONE : made;
  }

  async function remove(kind: ResourceKind, object: KubeObject | undefined, uid: string): Promise<KubeResult<unknown>> {
    if (object === undefined || !isOwnedBy(object, uid) || object.metadata.deletionTimestamp !== undefined) return DONE;
    const which = object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
    const removed = await client.delete(kind, object.metadata, { ...which, propagationPolicy: "Background", signal });
    wrote("delete", kind.kind, removed.ok);
    // Another object of that name is not ours to delete.
    return !removed.ok && (removed.kind === "not-found" || removed.kind === "conflict") ? DONE : removed;
  }

  return {
    ensure: async (service, plan) => {
      const uid = service.metadata.uid ?? "";
      const deployment = fleet.deployments.get(keyOfObject(plan.deployment));
      const secret = isSettled(deployment) ? DONE : await ensureSecret(uid, plan.secret);
      if (!secret.ok) return secret;
      const key = keyOfObject(plan.service);
      const budget = fleet.disruptionBudgets.get(key);
      const steps: (() => Promise<ChildrenOutcome>)[] = [
        () => ensureOne(service, KINDS.service, plan.service, fleet.clusterServices.get(key)),
        () => ensureOne(service, KINDS.deployment, plan.deployment, deployment),
      ];
      const { podDisruptionBudget } = plan;
      if (podDisruptionBudget === undefined) steps.push(() => remove(KINDS.podDisruptionBudget, budget, uid));
      else steps.push(() => ensureOne(service, KINDS.podDisruptionBudget, podDisruptionBudget, budget));
      for (const step of steps) {
        const done = await step();
        if (!done.ok) return done;
      }
      return { ok: true };
    },
    holdReplicas: async (deployment, replicas) => {
      const { metadata } = deployment;
      const patch = { metadata: { uid: metadata.uid }, spec: { replicas } };
      const done = await client.patch(KINDS.deployment, metadata, patch, { type: "merge", fieldManager, signal });
      wrote("patch", "Deployment", done.ok);
      return done;
    },
    removeAll: async ({ key, uid }) => {
      for (const { kind, objects } of ownedKinds(fleet)) {
        const removed = await remove(kind, objects.get(key), uid);
        if (!removed.ok) return removed;
      }
      return DONE;
    },
    forget: (uid) => {
      withSecret.delete(uid);
    },
  };
}

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

/** Whether all replicas answer: then their Secret is there. */
function isSettled(deployment: KubeObject | undefined): boolean {
  const spec = deployment?.["spec"] as { readonly replicas?: number } | undefined;
  const status = deployment?.["status"] as { readonly readyReplicas?: number } | undefined;
  return spec !== undefined && (spec.replicas ?? 1) <= (status?.readyReplicas ?? 0);
}

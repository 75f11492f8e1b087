import { MAC_OS_LABEL_VALUE, NODE_LABELS, SERVICE_LABEL } from "../../api/fleet.ts";
import type { KubeClient, KubeObject, Selection } from "../../kube/client.ts";
import type { Clock } from "../../kube/clock.ts";
import { KINDS, type ResourceKind } from "../../kube/kinds.ts";
import { type Change, type Parsed, type Reflector, reflector } from "../../kube/reflector/reflector.ts";
import type { Host } from "../../memory/placement/host.ts";
import { readMac } from "../plan/mac.ts";
import { OWN_LABEL_SELECTOR } from "../plan/owned.ts";
import { type ModelView, modelView, type ServiceView, serviceView } from "./manifest-view.ts";
import { ownView, serviceKeyOf } from "./own-view.ts";
import { type PodView, podView } from "./pod-view.ts";
import { type Relation, relation } from "./relation.ts";

/** What the controller knows of the cluster: copies that are kept up to date, each as small as its use allows. */
export interface Fleet {
  readonly services: Reflector<ServiceView>;
  readonly models: Reflector<ModelView>;
  readonly deployments: Reflector<KubeObject>;
  readonly clusterServices: Reflector<KubeObject>;
  readonly disruptionBudgets: Reflector<KubeObject>;
  readonly macs: Reflector<Host>;
  podsOf(service: string): readonly PodView[];
  /** Which services name which Models, by `namespace/name`. */
  readonly servicesOfModels: Relation;
  /** By kind. */
  reflectors(): ReadonlyMap<string, Reflector<unknown>>;
  run(signal: AbortSignal): Promise<void>;
}

export interface FleetEvents {
  readonly serviceChanged: (key: string) => void;
  readonly modelChanged: (key: string) => void;
  /** A Mac came, went, or became another place for models. */
  readonly macsChanged: () => void;
  /** An object that the controller applies was seen in a new version. */
  readonly ownSeen: (kind: ResourceKind, key: string) => void;
  /** A Model or InferenceService was seen in a new version, or exists no more. */
  readonly manifestSeen: (kind: ResourceKind, key: string, type: Change["type"]) => void;
}

export interface FleetOptions {
  readonly client: KubeClient;
  /** Default: all. */
  readonly namespace?: string | undefined;
  readonly events: FleetEvents;
  readonly report: (message: string) => void;
  readonly clock: Clock;
}

const SERVICE_OF_POD: Selection = { labelSelector: SERVICE_LABEL };
const OWN: Selection = { labelSelector: OWN_LABEL_SELECTOR };
const MACS: Selection = { labelSelector: `${NODE_LABELS.os}=${MAC_OS_LABEL_VALUE}` };

export function openFleet({ client, namespace, events, report, clock }: FleetOptions): Fleet {
  const inScope = (selection: Selection = {}): Selection => ({ ...selection, namespace });
  const watched = <T>(
    kind: ResourceKind,
    selection: Selection,
    parse: (object: KubeObject) => Parsed<T>,
    changed: (change: Change) => void,
  ) => reflector({ client, kind, selection, parse, changed, report, clock });

  const services = watched(KINDS.inferenceService, inScope(), serviceView, ({ key, type }) => {
    events.manifestSeen(KINDS.inferenceService, key, type);
    events.serviceChanged(key);
  });
  const servicesOfModels = relation();
  const models = watched(KINDS.model, inScope(), modelView, ({ key, type }) => {
    events.manifestSeen(KINDS.model, key, type);
    events.modelChanged(key);
    for (const service of servicesOfModels.keysOf(key)) events.serviceChanged(service);
  });

  /** Objects of ours wake the service that owns them, or owned them until now. */
  const ownKind = (kind: ResourceKind) => {
    const owners = new Map<string, string>();
    const own: Reflector<KubeObject> = watched(kind, inScope(OWN), ownView, ({ key, type }) => {
      events.ownSeen(kind, key);
      const object = own.get(key);
      const owner = object === undefined ? owners.get(key) : serviceKeyOf(object);
      if (type === "deleted") owners.delete(key);
      else if (owner !== undefined) owners.set(key, owner);
      if (owner !== undefined) events.serviceChanged(owner);
    });
    return own;
  };
  const deployments = ownKind(KINDS.deployment);
  const clusterServices = ownKind(KINDS.service);
  const disruptionBudgets = ownKind(KINDS.podDisruptionBudget);

  const podsByService = new Map<string, Map<string, PodView>>();
  const servicesOfPods = new Map<string, string>();
  const pods: Reflector<PodView> = watched(KINDS.pod, inScope(SERVICE_OF_POD), podView, ({ key, type }) => {
    const pod = type === "deleted" ? undefined : pods.get(key);
    const before = servicesOfPods.get(key);
    if (before !== undefined && before !== pod?.service) forgetPod(before, key);
    if (pod !== undefined) rememberPod(pod, key);
    for (const service of new Set([before, pod?.service])) if (service !== undefined) events.serviceChanged(service);
  });

  function forgetPod(service: string, key: string): void {
    servicesOfPods.delete(key);
    const left = podsByService.get(service);
    left?.delete(key);
    if (left?.size === 0) podsByService.delete(service);
  }

  function rememberPod(pod: PodView, key: string): void {
    servicesOfPods.set(key, pod.service);
    const known = podsByService.get(pod.service) ?? new Map<string, PodView>();
    podsByService.set(pod.service, known.set(key, pod));
  }

  /** A Mac says often how much disk it has left, and seldom something that decides about a model. */
  const places = new Map<string, string>();
  const macs: Reflector<Host> = watched(KINDS.node, MACS, readMac, ({ key, type }) => {
    const now = type === "deleted" ? undefined : JSON.stringify(macs.get(key));
    const before = places.get(key);
    if (now === undefined) places.delete(key);
    else places.set(key, now);
    if (before !== now) events.macsChanged();
  });

  const all = new Map<string, Reflector<unknown>>(
    Object.entries({
      InferenceService: services,
      Model: models,
      Deployment: deployments,
      Service: clusterServices,
      PodDisruptionBudget: disruptionBudgets,
      Pod: pods,
      Node: macs,
    }),
  );
  return {
    services,
    models,
    deployments,
    clusterServices,
    disruptionBudgets,
    macs,
    podsOf: (service) => [...(podsByService.get(service)?.values() ?? [])],
    servicesOfModels,
    reflectors: () => all,
    run: async (signal) => {
      await Promise.all([...all.values()].map((one) => one.run(signal)));
    },
  };
}

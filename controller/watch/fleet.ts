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
import { podsByService } from "./pods-by-service.ts";
import { type Relation, relation } from "./relation.ts";

/** What the controller knows of the cluster: copies that are kept up to date, each as small as its use allows. */
export interface Fleet {
  readonly services: Reflector<ServiceView>;
  readonly models: Reflector<ModelView>;
  readonly deployments: Reflector<KubeObject>;
  readonly clusterServices: Reflector<KubeObject>;
  readonly disruptionBudgets: Reflector<KubeObject>;
  readonly macs: Reflector<Host>;
  /** One Mac of each size: who fits none of these fits no Mac. A fleet of a thousand has a few sizes. */
  macSizes(): readonly Host[];
  podsOf(service: string): readonly PodView[];
  /** Of all services. */
  allPods(): readonly PodView[];
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

const PODS: Selection = { labelSelector: SERVICE_LABEL };
const OWN: Selection = { labelSelector: OWN_LABEL_SELECTOR };
const MACS: Selection = { labelSelector: `${NODE_LABELS.os}=${MAC_OS_LABEL_VALUE}` };

export function openFleet(options: FleetOptions): Fleet {
  const { events } = options;
  const servicesOfModels = relation();
  const services = watched(options, KINDS.inferenceService, {}, serviceView, ({ key, type }) => {
    events.manifestSeen(KINDS.inferenceService, key, type);
    events.serviceChanged(key);
  });
  const models = watched(options, KINDS.model, {}, modelView, ({ key, type }) => {
    events.manifestSeen(KINDS.model, key, type);
    events.modelChanged(key);
    for (const service of servicesOfModels.keysOf(key)) events.serviceChanged(service);
  });
  const known = podsByService();
  const pods: Reflector<PodView> = watched(options, KINDS.pod, PODS, podView, ({ key, type }) => {
    const pod = type === "deleted" ? undefined : pods.get(key);
    for (const service of known.note(key, pod)) events.serviceChanged(service);
  });
  const deployments = own(options, KINDS.deployment);
  const clusterServices = own(options, KINDS.service);
  const disruptionBudgets = own(options, KINDS.podDisruptionBudget);
  let sizes: readonly Host[] | undefined;
  const macs = watchedMacs(options, () => {
    sizes = undefined;
    events.macsChanged();
  });
  const all = new Map<string, Reflector<unknown>>([
    ["InferenceService", services],
    ["Model", models],
    ["Deployment", deployments],
    ["Service", clusterServices],
    ["PodDisruptionBudget", disruptionBudgets],
    ["Pod", pods],
    ["Node", macs],
  ]);
  return {
    services,
    models,
    deployments,
    clusterServices,
    disruptionBudgets,
    macs,
    macSizes: () => {
      sizes ??= oneOfEachSize(macs.list());
      return sizes;
    },
    podsOf: known.of,
    allPods: pods.list,
    servicesOfModels,
    reflectors: () => all,
    run: async (signal) => {
      await Promise.all([...all.values()].map((one) => one.run(signal)));
    },
  };
}

function watched<T>(
  { client, namespace, report, clock }: FleetOptions,
  kind: ResourceKind,
  selection: Selection,
  parse: (object: KubeObject) => Parsed<T>,
  changed: (change: Change) => void,
): Reflector<T> {
  const inScope = kind.namespaced ? { ...selection, namespace } : selection;
  return reflector({ client, kind, selection: inScope, parse, changed, report, clock });
}

/** Objects of ours wake the service that owns them, or owned them until now. */
function own(options: FleetOptions, kind: ResourceKind): Reflector<KubeObject> {
  const { events } = options;
  const owners = new Map<string, string>();
  const objects: Reflector<KubeObject> = watched(options, kind, OWN, ownView, ({ key, type }) => {
    events.ownSeen(kind, key);
    const object = type === "deleted" ? undefined : objects.get(key);
    const before = owners.get(key);
    const owner = object && serviceKeyOf(object);
    if (owner === undefined) owners.delete(key);
    else owners.set(key, owner);
    for (const service of new Set([before, owner])) if (service !== undefined) events.serviceChanged(service);
  });
  return objects;
}

/** A Mac says often how much disk it has left, and seldom something that decides about a model. */
function watchedMacs(options: FleetOptions, macsChanged: () => void): Reflector<Host> {
  const places = new Map<string, string>();
  const macs: Reflector<Host> = watched(options, KINDS.node, MACS, readMac, ({ key, type }) => {
    const now = type === "deleted" ? undefined : JSON.stringify(macs.get(key));
    const before = places.get(key);
    if (now === undefined) places.delete(key);
    else places.set(key, now);
    if (before !== now) macsChanged();
  });
  return macs;
}

function oneOfEachSize(macs: readonly Host[]): readonly Host[] {
  const size = ({ allocatableBytes, memoryMiB, workingSetMiB }: Host) =>
    JSON.stringify([allocatableBytes, memoryMiB, workingSetMiB]);
  return [...new Map(macs.map((mac) => [size(mac), mac])).values()];
}

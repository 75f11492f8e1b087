import type { Logger } from "pino";
import { GROUP } from "../api/constants.ts";
import { MODEL_CONDITION, SERVICE_CONDITIONS } from "../api/fleet.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Clock } from "../kube/clock.ts";
import type { EventNote } from "../kube/events/event.ts";
import { type EventRecorder, eventRecorder } from "../kube/events/recorder.ts";
import { KINDS } from "../kube/kinds.ts";
import { type KeyedQueue, keyedQueue } from "../kube/queue.ts";
import type { ReflectorCounts } from "../kube/reflector/reflector.ts";
import { headerBook } from "./headers/book.ts";
import { headerReader } from "./headers/source.ts";
import type { ControllerMetrics } from "./http/metrics.ts";
import type { ControllerOptions } from "./options.ts";
import { passes } from "./passes.ts";
import { children } from "./reconcile/children.ts";
import { modelReconciler } from "./reconcile/model.ts";
import { serviceReconciler } from "./reconcile/service.ts";
import { rolloutNote, telling } from "./reconcile/telling.ts";
import { wayInTeller } from "./reconcile/way-in.ts";
import { MODEL_FIELDS } from "./status/model-status.ts";
import { SERVICE_FIELDS } from "./status/service-status.ts";
import { type Fleet, type FleetEvents, openFleet } from "./watch/fleet.ts";
import { serviceKeyOf } from "./watch/own-view.ts";
import { type PortBook, portBook, portOfDeployment } from "./watch/port-book.ts";
import { hasSelectorField } from "./watch/selector-field.ts";
import { applier } from "./write/applier.ts";
import { statusWriter } from "./write/status-writer.ts";

/** The work of the controller that leads. */
export interface Work {
  /** Until the signal is aborted. */
  run(): Promise<void>;
  isSynced(): boolean;
  /** Why a restart would help; undefined: it would not. */
  stuck(): string | undefined;
  queued(): Readonly<Record<string, number>>;
  headerReads(): number;
  watched(): Readonly<Record<string, number>>;
  relists(): Readonly<Record<string, number>>;
}

export interface WorkOptions extends Pick<ControllerOptions, "namespace" | "ports" | "workers" | "allowLocalSources"> {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly identity: string;
  readonly log: Pick<Logger, "info" | "warn" | "debug">;
  readonly metrics: Pick<ControllerMetrics, "reconciled" | "wrote">;
  readonly signal: AbortSignal;
}

/** Name of this program in events. */
const REPORTER = "llmkube.dev/controller";
/** A Mac that joins or changes is a reason to look again at what found no place; so many at a time are one reason. */
const MACS_SETTLE_MS = 1000;

export function work(options: WorkOptions): Work {
  const { client, clock, log, metrics, signal, workers } = options;
  const report = (message: string) => log.warn(explained(message));
  const writing = { client, clock, wrote: metrics.wrote, signal };
  const ports = portBook(options.ports);
  const own = applier(client, metrics.wrote, signal);
  const status = statusWriter({ ...writing, own: OWN });
  const recorder = recorderOf(options, report);
  const record = (event: EventNote) => {
    const { kind, namespace, name } = event.regarding;
    log.info(`${kind} ${namespace}/${name}: ${event.reason}: ${event.note}`);
    recorder.record(event);
  };
  const tell = telling(record);
  let hasSelector = false;
  const lookAtMacs = new Set<string>();
  const events: FleetEvents = {
    serviceChanged: (key) => services.add(key),
    modelChanged: (key) => models.add(key),
    ownSeen: own.seen,
    manifestSeen: (kind, key, type) => {
      status.seen(kind, key);
      if (type !== "deleted") return;
      status.forget(kind, key);
      if (kind !== KINDS.inferenceService) return;
      ports.release(key);
      lookAtMacs.delete(key);
      fleet.servicesOfModels.remove(key);
    },
    macsChanged: settled(clock, () => {
      for (const key of lookAtMacs) services.add(key);
    }),
  };
  const fleet = openFleet({ client, namespace: options.namespace, clock, report, events });
  const headers = headerBook({
    read: headerReader(options.allowLocalSources),
    wake: (waiter) => {
      const [kind, key = ""] = waiter.split(" ");
      if (kind === "service") services.add(key);
      else models.add(key);
    },
    clock,
    signal,
  });
  const made = children({ ...writing, fleet, applier: own });
  const measured = passes(clock, metrics, log);
  const reconcileService = serviceReconciler({
    ...{ fleet, headers, ports, children: made, status, tell, lookAtMacs },
    tellRollout: (view, reason) => record(rolloutNote(view, reason)),
    wayIn: wayInTeller({ fleet, headers, clock }),
    hasSelectorField: () => hasSelector,
  });
  const services = keyedQueue({ ...measured.of("InferenceService", reconcileService), workers, clock });
  const reconcileModel = modelReconciler({ fleet, headers, status, tell });
  const models = keyedQueue({ ...measured.of("Model", reconcileModel), workers, clock });
  const queues = { services, models };
  return {
    run: async () => {
      const beside = [fleet.run(signal), recorder.run(signal)];
      if (await allSynced(fleet, signal)) {
        hasSelector = await hasSelectorField(client, signal);
        notePorts(fleet, ports);
        log.info(knownText(fleet));
        await Promise.all([services.run(signal), models.run(signal)]);
      }
      await Promise.all(beside);
    },
    stuck: () => measured.stuck(Object.values(queues)),
    headerReads: headers.reads,
    ...countsOf(fleet, queues),
  };
}

function recorderOf({ client, clock, identity }: WorkOptions, report: (message: string) => void): EventRecorder {
  return eventRecorder({ client, controller: REPORTER, instance: identity.slice(0, 128), report, clock });
}

/** Calls `act` a moment after the first of many calls. */
function settled(clock: Clock, act: () => void): () => void {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    clock.timer(() => {
      isWaiting = false;
      act();
    }, MACS_SETTLE_MS);
  };
}

async function allSynced(fleet: Fleet, signal: AbortSignal): Promise<boolean> {
  const synced = await Promise.all([...fleet.reflectors().values()].map((one) => one.whenSynced(signal)));
  return synced.every(Boolean);
}

/** Before the first port is given: what Deployments have is taken. */
function notePorts(fleet: Fleet, ports: PortBook): void {
  for (const deployment of fleet.deployments.list()) {
    const [service, port] = [serviceKeyOf(deployment), portOfDeployment(deployment)];
    if (service !== undefined && port !== undefined) ports.found(service, port);
  }
}

function knownText(fleet: Fleet): string {
  const count = (kind: string) => fleet.reflectors().get(kind)?.counts().objects ?? 0;
  return `${count("InferenceService")} InferenceServices, ${count("Model")} Models and ${count("Node")} Macs are known`;
}

function countsOf(fleet: Fleet, queues: Readonly<Record<string, KeyedQueue>>) {
  const each = (value: (counts: ReflectorCounts) => number) =>
    Object.fromEntries([...fleet.reflectors()].map(([kind, one]) => [kind, value(one.counts())]));
  return {
    isSynced: () => [...fleet.reflectors().values()].every((one) => one.synced()),
    queued: () => Object.fromEntries(Object.entries(queues).map(([name, queue]) => [name, queue.counts().waiting])),
    watched: () => each(({ objects }) => objects),
    relists: () => each(({ lists }) => lists),
  };
}

const OWN = {
  InferenceService: { fields: SERVICE_FIELDS, conditions: Object.values(SERVICE_CONDITIONS) },
  Model: { fields: MODEL_FIELDS, conditions: [MODEL_CONDITION] },
};

/** A kind that is not there is no fault of the cluster's. */
function explained(message: string): string {
  const isMissing = message.includes(GROUP) && /404|not found|could not find/i.test(message);
  return isMissing
    ? `${message}: the CRDs are not installed yet, which is waited for (pulumi-llmkube manifests controller | kubectl apply -f -)`
    : message;
}

import type { Logger } from "pino";
import { GROUP } from "../api/constants.ts";
import { MODEL_CONDITION, SERVICE_CONDITIONS } from "../api/fleet.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Clock } from "../kube/clock.ts";
import { eventRecorder } from "../kube/events/recorder.ts";
import { KINDS } from "../kube/kinds.ts";
import { type KeyedQueue, keyedQueue } from "../kube/queue.ts";
import { headerBook } from "./headers/book.ts";
import { headerReader } from "./headers/source.ts";
import type { ControllerMetrics } from "./http/metrics.ts";
import { passes } from "./passes.ts";
import { children } from "./reconcile/children.ts";
import { modelReconciler, modelWaiter } from "./reconcile/model.ts";
import { serviceReconciler, serviceWaiter } from "./reconcile/service.ts";
import { telling } from "./reconcile/telling.ts";
import type { ControllerOptions } from "./run.ts";
import { MODEL_FIELDS } from "./status/model-status.ts";
import { SERVICE_FIELDS } from "./status/service-status.ts";
import { openFleet } from "./watch/fleet.ts";
import { serviceKeyOf } from "./watch/own-view.ts";
import { portBook, portOfDeployment } from "./watch/port-book.ts";
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
  const { wrote } = metrics;
  const report = (message: string) => log.warn(explained(message));
  const lookAtMacs = new Set<string>();
  const ports = portBook(options.ports);
  const own = applier(client, wrote, signal);
  const events = eventRecorder({
    client,
    controller: REPORTER,
    instance: options.identity.slice(0, 128),
    report,
    clock,
  });
  const tell = telling((event) => {
    log.info(
      `${event.regarding.kind} ${event.regarding.namespace}/${event.regarding.name}: ${event.reason}: ${event.note}`,
    );
    events.record(event);
  });
  const status = statusWriter({ client, clock, wrote, signal, own: OWN });
  let settling = false;

  const fleet = openFleet({
    client,
    namespace: options.namespace,
    clock,
    report,
    events: {
      serviceChanged: (key) => services.add(key),
      modelChanged: (key) => models.add(key),
      ownSeen: (kind, key) => own.seen(kind, key),
      manifestSeen: (kind, key, type) => {
        status.seen(kind, key);
        if (type !== "deleted") return;
        status.forget(kind, key);
        if (kind !== KINDS.inferenceService) return;
        ports.release(key);
        lookAtMacs.delete(key);
        fleet.servicesOfModels.remove(key);
      },
      macsChanged: () => {
        if (settling) return;
        settling = true;
        clock.timer(() => {
          settling = false;
          for (const key of lookAtMacs) services.add(key);
        }, MACS_SETTLE_MS);
      },
    },
  });
  const headers = headerBook({
    read: headerReader(options.allowLocalSources),
    wake: (waiter) => {
      const [queue = "", key = ""] = waiter.split(" ");
      if (serviceWaiter(key) === waiter) services.add(key);
      else if (modelWaiter(key) === waiter) models.add(key);
      else throw new Error(`nobody is called ${queue}`);
    },
    clock,
    signal,
  });
  const made = children({ client, fleet, applier: own, wrote, signal });
  const measured = passes(clock, metrics, log);
  const services = keyedQueue({
    ...measured.of(
      "InferenceService",
      serviceReconciler({ fleet, headers, ports, children: made, status, tell, lookAtMacs }),
    ),
    workers,
    clock,
  });
  const models = keyedQueue({
    ...measured.of("Model", modelReconciler({ fleet, headers, status, tell })),
    workers: Math.max(1, Math.floor(workers / 2)),
    clock,
  });
  const queues: Readonly<Record<string, KeyedQueue>> = { services, models };
  const reflectors = () => [...fleet.reflectors()];
  const isSynced = () => reflectors().every(([, one]) => one.synced());

  return {
    run: async () => {
      const watching = fleet.run(signal);
      const recording = events.run(signal);
      const synced = await Promise.all(reflectors().map(([, one]) => one.whenSynced(signal)));
      if (synced.every(Boolean)) {
        for (const deployment of fleet.deployments.list()) {
          const [service, port] = [serviceKeyOf(deployment), portOfDeployment(deployment)];
          if (service !== undefined && port !== undefined) ports.found(service, port);
        }
        log.info(
          `${fleet.services.keys().length} InferenceServices, ${fleet.models.keys().length} Models and ${fleet.macs.keys().length} Macs are known`,
        );
        await Promise.all(Object.values(queues).map((queue) => queue.run(signal)));
      }
      await Promise.all([watching, recording]);
    },
    isSynced,
    stuck: () => measured.stuck(Object.values(queues)),
    queued: () => Object.fromEntries(Object.entries(queues).map(([name, queue]) => [name, queue.counts().waiting])),
    headerReads: headers.reads,
    watched: () => Object.fromEntries(reflectors().map(([kind, one]) => [kind, one.counts().objects])),
    relists: () => Object.fromEntries(reflectors().map(([kind, one]) => [kind, one.counts().lists])),
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
    ? `${message}: the CRDs are not installed yet, which is waited for (pulumi-llmkube manifests crds)`
    : message;
}

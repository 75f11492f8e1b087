import { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";

const PREFIX = "llmkube_mac_controller_";
/** Seconds that the work on one object takes: most of it is what the API server takes. */
const BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10];

/** What the controller does, for Prometheus. */
export interface ControllerMetrics {
  readonly registry: Registry;
  /** One pass over an object; `seconds` that it took. */
  readonly reconciled: (kind: string, seconds: number, ok: boolean) => void;
  /** One request that changes something, by verb and kind: `apply Deployment`. */
  readonly wrote: (verb: string, kind: string, ok: boolean) => void;
}

/** What is looked up when the metrics are asked for. */
export interface Gauges {
  readonly isLeader: () => boolean;
  readonly isSynced: () => boolean;
  /** By queue. */
  readonly queued: () => Readonly<Record<string, number>>;
  readonly headerReads: () => number;
  /** Number of watched objects by kind. */
  readonly watched: () => Readonly<Record<string, number>>;
  /** Relists, reconnects and corrections by kind, as the reflectors count them. */
  readonly relists: () => Readonly<Record<string, number>>;
}

export function controllerMetrics(gauges: Gauges): ControllerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const named = (name: string, help: string) => ({ name: PREFIX + name, help, registers });
  const passes = new Histogram({
    ...named("reconcile_seconds", "Time that one pass over an object took, in seconds."),
    labelNames: ["kind", "result"],
    buckets: BUCKETS,
  });
  const writes = new Counter({
    ...named("writes_total", "Requests that change something in the cluster."),
    labelNames: ["verb", "kind", "result"],
  });
  const single = (name: string, help: string, value: () => number) =>
    new Gauge({
      ...named(name, help),
      collect() {
        this.set(value());
      },
    });
  const each = (name: string, help: string, label: string, values: () => Readonly<Record<string, number>>) =>
    new Gauge({
      ...named(name, help),
      labelNames: [label],
      collect() {
        for (const [key, value] of Object.entries(values())) this.set({ [label]: key }, value);
      },
    });
  single("leader", "Whether this controller is the one that works: 1 or 0.", () => Number(gauges.isLeader()));
  single("synced", "Whether everything that is watched has been listed: 1 or 0.", () => Number(gauges.isSynced()));
  single("header_reads", "Reads of GGUF headers so far, retries included.", gauges.headerReads);
  each("queue_length", "Objects that wait to be worked on.", "queue", gauges.queued);
  each("watched_objects", "Objects that are watched.", "kind", gauges.watched);
  each("relists", "Lists of a kind so far: the first, and those after a watch was lost.", "kind", gauges.relists);
  const result = (ok: boolean) => (ok ? "ok" : "failed");
  return {
    registry,
    reconciled: (kind, seconds, ok) => passes.observe({ kind, result: result(ok) }, seconds),
    wrote: (verb, kind, ok) => writes.inc({ verb, kind, result: result(ok) }),
  };
}

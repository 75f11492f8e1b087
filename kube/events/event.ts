import type { KubeObject } from "../client.ts";
import { microTime } from "../times.ts";

/** The object that an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Undefined for objects of the cluster: their events are in `default`. */
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
}

export interface EventNote {
  readonly regarding: EventSubject;
  readonly type: "Normal" | "Warning";
  /** Why, in CamelCase; at most 128 characters. */
  readonly reason: string;
  /** What was done, or failed, in CamelCase; at most 128 characters. */
  readonly action: string;
  /** A sentence for people. What is beyond 1 KiB is cut off. */
  readonly note: string;
  readonly related?: EventSubject | undefined;
}

/** The limits of events.k8s.io/v1. */
const LONGEST_NOTE = 1024;
const LONGEST_NAME = 200;

export interface Reporter {
  /** Name of the controller, as a label's key: `llmkube.dev/controller`. */
  readonly controller: string;
  /** Of this process; at most 128 characters. */
  readonly instance: string;
}

/** Two notes with the same key are one series. */
export function seriesKey({ regarding, type, reason, action, note }: EventNote): string {
  return JSON.stringify([subjectKey(regarding), type, reason, action, note]);
}

export function subjectKey({ kind, namespace, name, uid }: EventSubject): string {
  return JSON.stringify([kind, namespace, name, uid]);
}

/**
 * @param id makes the name one of its own
 * @param now milliseconds since 1970
 */
export function eventObject(event: EventNote, by: Reporter, id: string, now: number): KubeObject {
  const { regarding, related, type, reason, action } = event;
  const prefix = regarding.name
    .toLowerCase()
    .slice(0, LONGEST_NAME)
    .replaceAll(/[^a-z0-9.-]/g, "-");
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: `${prefix}.${id}`, namespace: regarding.namespace ?? "default" },
    eventTime: microTime(now),
    reportingController: by.controller,
    reportingInstance: by.instance,
    type,
    reason,
    action,
    note: shortened(event.note),
    regarding,
    ...(related !== undefined && { related }),
  };
}

/** Cut at a character, not within one: the limit is in bytes. */
function shortened(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= LONGEST_NOTE) return note;
  return `${bytes
    .subarray(0, LONGEST_NOTE - 4)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}…`;
}

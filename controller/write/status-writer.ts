import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { conditionSchema } from "../../api/conditions.ts";
import { GROUP_VERSION } from "../../api/constants.ts";
import type { Fields } from "../../api/document.ts";
import { FIELD_MANAGERS } from "../../api/fleet.ts";
import type { KubeClient, KubeObject, KubeResult } from "../../kube/client.ts";
import type { Clock } from "../../kube/clock.ts";
import { hasConditions, type KnownCondition, setConditions, type WantedCondition } from "../../kube/conditions.ts";
import type { ResourceKind } from "../../kube/kinds.ts";
import { kubeTime } from "../../kube/times.ts";
import type { ManifestView } from "../watch/manifest-view.ts";
import type { Wrote } from "./applier.ts";

export interface WantedStatus<Wanted = Fields> {
  readonly fields: Wanted;
  readonly conditions: readonly WantedCondition[];
}

export interface StatusWriter {
  /**
   * Writes the status of an object unless it is so already. At most one write an object a second: `againAfterMs` is set where it has to wait.
   */
  write(
    kind: ResourceKind,
    view: ManifestView<unknown>,
    wanted: WantedStatus<object>,
  ): Promise<KubeResult<{ readonly againAfterMs?: number; readonly wrote: boolean }>>;
  /** To be called for each change that is seen of an object. */
  seen(kind: ResourceKind, key: string): void;
  forget(kind: ResourceKind, key: string): void;
}

export interface Own {
  readonly fields: readonly string[];
  readonly conditions: readonly string[];
}

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly wrote: Wrote;
  readonly signal: AbortSignal;
  /** By kind: what the controller writes, so that it takes away what it says no more. */
  readonly own: Readonly<Record<string, Own>>;
}

const BETWEEN_WRITES_MS = 1000;
/** What LLMKube's operator writes: it is left alone where it is seen, and not taken away. */
const OPERATORS = ["phase", "readyReplicas", "endpoint"];

export function statusWriter({ client, clock, wrote, signal, own }: StatusWriterOptions): StatusWriter {
  const writtenAt = new Map<string, number>();
  /** What was written and is not seen yet. */
  const unseen = new Map<string, WantedStatus<object>>();
  /** Versions that a write did not change. */
  const unchangeable = new Map<string, string>();

  return {
    write: async (kind, view, wanted) => {
      const id = `${kind.plural} ${view.key}`;
      if (isDeepStrictEqual(unseen.get(id), wanted)) return UNCHANGED;
      const existing = knownConditions(view.status);
      if (isWritten(view, wanted, existing, own[kind.kind] ?? NOTHING)) return UNCHANGED;
      const before = JSON.stringify([wanted, view.resourceVersion]);
      if (unchangeable.get(id) === before) return UNCHANGED;
      const waitMs = (writtenAt.get(id) ?? Number.NEGATIVE_INFINITY) + BETWEEN_WRITES_MS - clock.monotonic();
      if (waitMs > 0) return { ok: true, value: { wrote: false, againAfterMs: waitMs } };
      const object = statusObject(kind, view, wanted, existing, clock.now());
      writtenAt.set(id, clock.monotonic());
      const applied = await client.apply(kind, object, {
        fieldManager: FIELD_MANAGERS.controller,
        subresource: "status",
        signal,
      });
      wrote("apply", `${kind.kind}/status`, applied.ok);
      if (!applied.ok) return applied;
      if (applied.value.metadata.resourceVersion === view.resourceVersion) unchangeable.set(id, before);
      else unseen.set(id, wanted);
      return { ok: true, value: { wrote: true } };
    },
    seen: (kind, key) => {
      unseen.delete(`${kind.plural} ${key}`);
    },
    forget: (kind, key) => {
      const id = `${kind.plural} ${key}`;
      for (const map of [writtenAt, unseen, unchangeable]) map.delete(id);
    },
  };
}

const NOTHING: Own = { fields: [], conditions: [] };
const UNCHANGED = { ok: true, value: { wrote: false } } as const;

const knownSchema = z.array(conditionSchema.partial().extend({ type: z.string() }).loose());

function knownConditions(status: Fields): readonly KnownCondition[] {
  return (knownSchema.safeParse(status["conditions"]).data ?? []) as readonly KnownCondition[];
}

function isWritten(
  { status, isOthersToo }: ManifestView<unknown>,
  { fields, conditions }: WantedStatus<object>,
  existing: readonly KnownCondition[],
  own: Own,
): boolean {
  const wanted = new Map(Object.entries(fields));
  const said = [...wanted].every(([field, value]) => isDeepStrictEqual(status[field], value));
  const left = own.fields.filter((field) => !wanted.has(field) && !(isOthersToo && OPERATORS.includes(field)));
  const types = new Set(conditions.map(({ type }) => type));
  const isStale = existing.some(({ type }) => own.conditions.includes(type) && !types.has(type));
  return said && !isStale && left.every((field) => status[field] === undefined) && hasConditions(existing, conditions);
}

/** With its uid, so that an object that is gone is not made anew. */
function statusObject(
  kind: ResourceKind,
  { name, namespace, uid, isOthersToo }: ManifestView<unknown>,
  { fields, conditions }: WantedStatus<object>,
  existing: readonly KnownCondition[],
  now: number,
): KubeObject {
  return {
    apiVersion: GROUP_VERSION,
    kind: kind.kind,
    metadata: { name, namespace, uid },
    status: {
      ...fields,
      ...(isOthersToo ? {} : { lastUpdated: kubeTime(now) }),
      conditions: setConditions(existing, conditions, now),
    },
  };
}

/** Whether a condition has this status, and is of the manifest as it is now. */
export function isCurrent(view: ManifestView<unknown>, type: string, status: "True" | "False"): boolean {
  const known = knownConditions(view.status).find((one) => one.type === type);
  return known?.status === status && known.observedGeneration === view.generation;
}

export function hasCondition(view: ManifestView<unknown>, type: string): boolean {
  return knownConditions(view.status).some((one) => one.type === type);
}

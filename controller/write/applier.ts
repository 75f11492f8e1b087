import { createHash } from "node:crypto";
import { APPLIED_ANNOTATION, FIELD_MANAGERS } from "../../api/fleet.ts";
import type { KubeClient, KubeObject, KubeResult } from "../../kube/client.ts";
import { keyOfObject } from "../../kube/keys.ts";
import type { ResourceKind } from "../../kube/kinds.ts";
import { holds } from "./holds.ts";

export interface Applier {
  /**
   * Applies an object of the controller's own unless it is so already. `live` is the watched object; undefined: there is none.
   */
  ensure(
    kind: ResourceKind,
    wanted: KubeObject,
    live: KubeObject | undefined,
  ): Promise<KubeResult<"applied" | "unchanged">>;
  /** Whether the object was applied and the watch has not shown it yet. */
  isUnseen(kind: ResourceKind, object: KubeObject): boolean;
  /** To be called for each change that is seen of an object: from then on its own state counts, not what was applied last. */
  seen(kind: ResourceKind, key: string): void;
}

export type Wrote = (verb: string, kind: string, ok: boolean) => void;

/** Applies are compared with what is watched, and with what was applied and is not seen yet: the watch is behind by a moment. */
export function applier(client: KubeClient, wrote: Wrote, signal: AbortSignal): Applier {
  const unseen = new Map<string, string>();
  /** The version of an object that an apply did not change, though it looks different: the server writes something in another way. */
  const unchangeable = new Map<string, string>();
  return {
    ensure: async (kind, wanted, live) => {
      const digest = digestOf(wanted);
      const id = `${kind.plural} ${keyOfObject(wanted)}`;
      if (unseen.get(id) === digest) return UNCHANGED;
      const marked = withAnnotation(wanted, digest);
      if (live !== undefined && holds(marked, live)) return UNCHANGED;
      const before = versioned(digest, live);
      if (live !== undefined && unchangeable.get(id) === before) return UNCHANGED;
      const applied = await client.apply(kind, marked, { fieldManager: FIELD_MANAGERS.controller, signal });
      wrote("apply", kind.kind, applied.ok);
      if (!applied.ok) return applied;
      if (versioned(digest, applied.value) === before) unchangeable.set(id, before);
      else unseen.set(id, digest);
      return { ok: true, value: "applied" };
    },
    isUnseen: (kind, object) => unseen.has(`${kind.plural} ${keyOfObject(object)}`),
    seen: (kind, key) => {
      unseen.delete(`${kind.plural} ${key}`);
      unchangeable.delete(`${kind.plural} ${key}`);
    },
  };
}

function versioned(digest: string, object: KubeObject | undefined): string {
  return `${digest} ${object?.metadata.resourceVersion}`;
}

const UNCHANGED = { ok: true, value: "unchanged" } as const;

/** By this a field is noticed that is no longer wanted, and that only an apply takes away. */
function withAnnotation(object: KubeObject, digest: string): KubeObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [APPLIED_ANNOTATION]: digest } },
  };
}

function digestOf(object: KubeObject): string {
  return createHash("sha256").update(JSON.stringify(object)).digest("hex").slice(0, 16);
}

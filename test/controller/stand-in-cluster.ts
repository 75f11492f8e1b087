import { randomUUID } from "node:crypto";
import type {
  ApplyOptions,
  KubeClient,
  KubeFailure,
  KubeObject,
  KubeResult,
  ObjectRef,
  WatchEvent,
} from "../../kube/client.ts";
import type { ResourceKind } from "../../kube/kinds.ts";

export interface Write {
  readonly verb: string;
  readonly kind: string;
  readonly name: string;
  readonly subresource?: string | undefined;
  readonly object?: unknown;
}

/** Objects in memory behind the interface of the client. It validates nothing, and nothing runs in it: it stands in for an API server. */
export interface StandInCluster {
  readonly client: KubeClient;
  /** Every request that changes something, in order. */
  readonly writes: Write[];
  /** Puts an object there as somebody else does, and tells who watches. */
  readonly put: (kind: ResourceKind, object: KubeObject) => KubeObject;
  readonly remove: (kind: ResourceKind, ref: ObjectRef) => void;
  readonly read: (kind: ResourceKind, ref: ObjectRef) => KubeObject | undefined;
  readonly all: (kind: ResourceKind) => readonly KubeObject[];
  /** What the next requests of this kind are answered; undefined: as usual. */
  readonly refuse: (judge: ((write: Write) => KubeFailure | undefined) | undefined) => void;
}

type Fields = Record<string, unknown>;
type Watcher = { readonly kind: string; readonly onEvent: (event: WatchEvent) => void };

export function standInCluster(): StandInCluster {
  const stored = new Map<string, Map<string, KubeObject>>();
  const watchers = new Set<Watcher>();
  const writes: Write[] = [];
  let version = 1;
  let judge: ((write: Write) => KubeFailure | undefined) | undefined;

  const of = (kind: ResourceKind) => stored.get(kind.plural) ?? stored.set(kind.plural, new Map()).get(kind.plural);
  const keyOf = ({ namespace = "", name }: ObjectRef) => `${namespace}/${name}`;
  const read = (kind: ResourceKind, ref: ObjectRef) => of(kind)?.get(keyOf(ref));
  const tell = (kind: ResourceKind, type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject) => {
    for (const watcher of watchers) if (watcher.kind === kind.plural) watcher.onEvent({ type, object });
  };
  const put = (kind: ResourceKind, object: KubeObject): KubeObject => {
    const before = read(kind, object.metadata);
    if (before !== undefined && sameButVersion(before, object)) return before;
    version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    const kept = {
      apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
      kind: kind.kind,
      ...object,
      metadata: { ...metadata, uid: before?.metadata.uid ?? object.metadata.uid ?? randomUUID() },
    };
    of(kind)?.set(keyOf(object.metadata), kept);
    tell(kind, before === undefined ? "ADDED" : "MODIFIED", kept);
    return kept;
  };
  const remove = (kind: ResourceKind, ref: ObjectRef) => {
    const before = read(kind, ref);
    if (before === undefined) return;
    version += 1;
    of(kind)?.delete(keyOf(ref));
    const metadata = { ...before.metadata, resourceVersion: String(version) };
    tell(kind, "DELETED", { ...before, metadata });
    for (const owned of KNOWN.filter(({ plural }) => stored.has(plural))) {
      for (const object of [...(of(owned)?.values() ?? [])]) {
        if (object.metadata.ownerReferences?.some(({ uid }) => uid === before.metadata.uid))
          remove(owned, object.metadata);
      }
    }
  };
  const KNOWN: ResourceKind[] = [];
  const note = (write: Write): KubeFailure | undefined => {
    const refused = judge?.(write);
    writes.push(write);
    return refused;
  };

  const client: KubeClient = {
    server: "stand-in",
    get: async (kind, ref) => {
      const object = read(kind, ref);
      return object === undefined ? missing(kind, ref) : { ok: true, value: object };
    },
    list: async (kind, { namespace, labelSelector }) => {
      const items = [...(of(kind)?.values() ?? [])].filter(
        (item) => (namespace === undefined || item.metadata.namespace === namespace) && matches(item, labelSelector),
      );
      return { ok: true, value: { items, resourceVersion: String(version), continue: undefined } };
    },
    watch: async (kind, selection, onEvent, signal) => {
      const onlyMatching = (event: WatchEvent) => {
        if (!("object" in event) || matches(event.object, selection.labelSelector)) onEvent(event);
      };
      const watcher: Watcher = { kind: kind.plural, onEvent: onlyMatching };
      if (selection.sendInitialEvents) {
        for (const object of of(kind)?.values() ?? []) onlyMatching({ type: "ADDED", object });
        onEvent({ type: "BOOKMARK", resourceVersion: String(version), initialEventsEnd: true });
      }
      watchers.add(watcher);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      watchers.delete(watcher);
      return { ok: false, kind: "aborted", error: "the watch was ended" };
    },
    create: async (kind, object) => {
      if (!KNOWN.includes(kind)) KNOWN.push(kind);
      const refused = note({ verb: "create", kind: kind.kind, name: object.metadata.name, object });
      if (refused !== undefined) return refused;
      if (read(kind, object.metadata) !== undefined) return exists(kind, object.metadata);
      return { ok: true, value: put(kind, object) };
    },
    apply: async (kind, object, options: ApplyOptions) => {
      if (!KNOWN.includes(kind)) KNOWN.push(kind);
      const { subresource } = options;
      const refused = note({ verb: "apply", kind: kind.kind, name: object.metadata.name, subresource, object });
      if (refused !== undefined) return refused;
      const before = read(kind, object.metadata);
      if (before === undefined && (subresource !== undefined || object.metadata.uid !== undefined)) {
        return missing(kind, object.metadata);
      }
      const applied = subresource === "status" ? { status: object["status"] } : withoutStatus(object);
      const { managedFields: _own, ...metadata } = before?.metadata ?? { name: object.metadata.name };
      const merged = merge({ ...before, metadata } as Fields, applied as Fields) as unknown as KubeObject;
      const generation = specChanged(before, merged)
        ? (before?.metadata.generation ?? 0) + 1
        : (before?.metadata.generation ?? 1);
      return { ok: true, value: put(kind, { ...merged, metadata: { ...merged.metadata, generation } }) };
    },
    replace: async () => unsupported("replace"),
    patch: async (kind, ref, patch, { subresource }) => {
      const refused = note({ verb: "patch", kind: kind.kind, name: ref.name, subresource, object: patch });
      if (refused !== undefined) return refused;
      const before = read(kind, ref);
      if (before === undefined) return missing(kind, ref);
      return { ok: true, value: put(kind, merge(before as Fields, patch as Fields) as unknown as KubeObject) };
    },
    delete: async (kind, ref) => {
      const refused = note({ verb: "delete", kind: kind.kind, name: ref.name });
      if (refused !== undefined) return refused;
      if (read(kind, ref) === undefined) return missing(kind, ref);
      remove(kind, ref);
      return { ok: true, value: undefined };
    },
    post: async () => unsupported("post"),
    resetConnections: async () => {},
    close: async () => {},
  };
  return {
    client,
    writes,
    put,
    remove,
    read,
    all: (kind) => [...(of(kind)?.values() ?? [])],
    refuse: (by) => {
      judge = by;
    },
  };
}

function matches({ metadata }: KubeObject, selector: string | undefined): boolean {
  return (selector ?? "").split(",").every((term) => {
    const [key = "", value] = term.split("=");
    const label = metadata.labels?.[key];
    return key === "" || (value === undefined ? label !== undefined : label === value);
  });
}

/** Objects are merged, lists of conditions by type, other lists replaced. */
function merge(before: Fields, after: Fields): Fields {
  const merged: Fields = { ...before };
  for (const [key, value] of Object.entries(after)) {
    const known = before[key];
    if (value === undefined) continue;
    if (isFields(value) && isFields(known)) merged[key] = merge(known, value);
    else if (key === "conditions" && Array.isArray(value) && Array.isArray(known))
      merged[key] = mergeConditions(known, value);
    else merged[key] = value;
  }
  return merged;
}

function mergeConditions(before: readonly Fields[], after: readonly Fields[]): readonly Fields[] {
  const types = new Set(after.map(({ type }) => type));
  return [...before.filter(({ type }) => !types.has(type)), ...after];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withoutStatus(object: KubeObject): object {
  const { status: _status, ...rest } = object;
  return rest;
}

function sameButVersion(a: KubeObject, b: KubeObject): boolean {
  const bare = ({ metadata: { resourceVersion: _version, ...metadata }, ...rest }: KubeObject) =>
    JSON.stringify({ ...rest, metadata }, sortedKeys);
  return bare(a) === bare(b);
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function specChanged(before: KubeObject | undefined, after: KubeObject): boolean {
  return (
    before !== undefined && JSON.stringify(before["spec"], sortedKeys) !== JSON.stringify(after["spec"], sortedKeys)
  );
}

function missing(kind: ResourceKind, { name }: ObjectRef): KubeResult<never> {
  return { ok: false, kind: "not-found", status: 404, error: `${kind.kind} ${name}: not found` };
}

function exists(kind: ResourceKind, { name }: ObjectRef): KubeResult<never> {
  return {
    ok: false,
    kind: "conflict",
    status: 409,
    reason: "AlreadyExists",
    error: `${kind.kind} ${name}: already exists`,
  };
}

function unsupported(verb: string): KubeResult<never> {
  return { ok: false, kind: "invalid", error: `the stand-in has no ${verb}` };
}

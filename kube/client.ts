import type { ResourceKind } from "./kinds.ts";

/** An object as the API server sends it: JSON, of which only what every object has is typed. Whoever reads more parses it with a schema. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** What a caller can do about a failed request. Classified once, here. */
export type KubeFailureKind =
  /** 404. */
  | "not-found"
  /** 409: somebody else wrote meanwhile, or it exists already, or its uid is another one. */
  | "conflict"
  /** 403. */
  | "forbidden"
  /** 401. */
  | "unauthorized"
  /** 410: the resource version is too old, list anew. */
  | "gone"
  /** 400 and 422: the same request will fail again. */
  | "invalid"
  /** 429. */
  | "throttled"
  /** 5xx, no connection, no answer in time, an answer that is none. */
  | "unavailable"
  /** The caller's signal was aborted. */
  | "aborted";

export interface KubeFailure {
  readonly ok: false;
  readonly kind: KubeFailureKind;
  /** One sentence: what was asked for, and what the server said. */
  readonly error: string;
  /** HTTP status; undefined where there was no answer. */
  readonly status?: number;
  /** `reason` of the server's Status object. */
  readonly reason?: string;
  readonly retryAfterMs?: number;
}

export type KubeResult<T> = { readonly ok: true; readonly value: T } | KubeFailure;

export interface ObjectRef {
  /** Undefined for objects of the cluster. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Which objects: all namespaces where none is named. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ObjectList {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Set where there are more. */
  readonly continue: string | undefined;
}

export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  /** The server ends the stream with an error of its own. */
  | { readonly type: "ERROR"; readonly failure: KubeFailure };

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the request counts as unanswered; default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

export interface ApplyOptions extends RequestOptions {
  readonly fieldManager: string;
  /** `status` or `resize`. */
  readonly subresource?: string | undefined;
  /** Takes fields that another manager owns; default: true, as controllers do. */
  readonly force?: boolean | undefined;
}

/**
 * The API server of one cluster, as one identity. No call throws; each ends in time. Objects go in and out as JSON and nothing that is
 * not known here is dropped, so an object that was read may be written back.
 */
export interface KubeClient {
  /** For messages: `https://10.0.0.1:6443`. */
  readonly server: string;
  get(kind: ResourceKind, ref: ObjectRef, options?: RequestOptions): Promise<KubeResult<KubeObject>>;
  list(
    kind: ResourceKind,
    selection: Selection & {
      readonly limit?: number;
      readonly continue?: string | undefined;
      readonly resourceVersion?: string;
    },
    options?: RequestOptions,
  ): Promise<KubeResult<ObjectList>>;
  /**
   * Calls `onEvent` for each event until the server ends the stream (which is a success), it breaks, or it is silent for `silenceMs`.
   */
  watch(
    kind: ResourceKind,
    selection: Selection & {
      readonly resourceVersion?: string | undefined;
      readonly sendInitialEvents?: boolean;
      readonly timeoutSeconds: number;
      readonly silenceMs: number;
    },
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<KubeResult<void>>;
  create(
    kind: ResourceKind,
    object: KubeObject,
    options?: RequestOptions & { readonly fieldManager?: string },
  ): Promise<KubeResult<KubeObject>>;
  /** Server-side apply. An object with `metadata.uid` is never created anew: that is a conflict. */
  apply(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<KubeResult<KubeObject>>;
  /** Replaces the whole object, or its subresource; a conflict where its `resourceVersion` is not the newest. */
  replace(
    kind: ResourceKind,
    object: KubeObject,
    options?: RequestOptions & { readonly subresource?: string },
  ): Promise<KubeResult<KubeObject>>;
  /** A merge patch, or a strategic one where the kind has it. */
  patch(
    kind: ResourceKind,
    ref: ObjectRef,
    patch: unknown,
    options: RequestOptions & {
      readonly type: "merge" | "strategic" | "json";
      readonly subresource?: string;
      readonly fieldManager?: string;
    },
  ): Promise<KubeResult<KubeObject>>;
  delete(
    kind: ResourceKind,
    ref: ObjectRef,
    options?: RequestOptions & {
      readonly gracePeriodSeconds?: number;
      /** Deletes that object only, and none of the same name. */
      readonly uid?: string;
      readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
    },
  ): Promise<KubeResult<void>>;
  /** A POST to a subresource (`token`, `eviction`), or of a review that is answered at once and not kept. */
  post(
    kind: ResourceKind,
    target: ObjectRef | undefined,
    subresource: string | undefined,
    body: unknown,
    options?: RequestOptions,
  ): Promise<KubeResult<KubeObject>>;
  /** Ends all connections; the next request makes new ones. */
  resetConnections(): Promise<void>;
  close(): Promise<void>;
}

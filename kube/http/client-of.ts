import type { KubeClient, KubeObject, KubeResult, RequestOptions } from "../client.ts";
import { succeeded } from "../failure.ts";
import type { ResourceKind } from "../kinds.ts";
import { listOf, objectOf } from "./objects.ts";
import { describe, pathOf, type Query, queryOf, selectionQuery, type Target } from "./paths.ts";
import { answerOf, type KubeRequest } from "./request.ts";
import type { Session } from "./session.ts";
import { watch } from "./watch.ts";

export interface ClientLimits {
  /** Milliseconds until a request counts as unanswered. */
  readonly timeoutMs: number;
  /** Bytes of one answer. */
  readonly largestBytes: number;
}

const JSON_TYPE = "application/json";
const APPLY_TYPE = "application/apply-patch+yaml";
const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
} as const;

interface Call {
  readonly verb: string;
  readonly method: KubeRequest["method"];
  readonly kind: ResourceKind;
  readonly target: Target;
  readonly query?: Query;
  readonly contentType?: string;
  readonly body?: unknown;
}

export function clientOf(session: Session, limits: ClientLimits): KubeClient {
  async function answer(call: Call, options: RequestOptions | undefined): Promise<KubeResult<unknown>> {
    const path = pathOf(call.kind, call.target);
    if (!path.ok) return path;
    const { method, contentType, body } = call;
    const request: KubeRequest = {
      method,
      path: path.value + queryOf(call.query ?? {}),
      what: whatOf(call),
      secret: call.kind.plural === "secrets" || call.target.subresource === "token",
      ...(contentType !== undefined && { contentType, body }),
    };
    const { timeoutMs = limits.timeoutMs, signal } = options ?? {};
    return await answerOf(session, request, { timeoutMs, signal, largestBytes: limits.largestBytes });
  }

  async function object(call: Call, options: RequestOptions | undefined): Promise<KubeResult<KubeObject>> {
    const got = await answer(call, options);
    return got.ok ? objectOf(got.value, call.kind, whatOf(call)) : got;
  }

  return {
    get server() {
      return session.server();
    },
    get: (kind, target, options) => object({ verb: "get", method: "GET", kind, target }, options),
    list: async (kind, selection, options) => {
      const { namespace, limit, continue: from, resourceVersion } = selection;
      const query = { limit, continue: from, resourceVersion, ...selectionQuery(selection) };
      const call: Call = { verb: "list", method: "GET", kind, target: { namespace }, query };
      const got = await answer(call, options);
      return got.ok ? listOf(got.value, kind, whatOf(call)) : got;
    },
    watch: (kind, selection, onEvent, signal) => watch(session, kind, selection, onEvent, signal),
    create: (kind, body, options) => {
      const target = { namespace: body.metadata.namespace };
      const query = { fieldManager: options?.fieldManager };
      return object({ verb: "create", method: "POST", kind, target, query, contentType: JSON_TYPE, body }, options);
    },
    apply: (kind, body, options) => {
      const { fieldManager, subresource, force = true } = options;
      const call = { verb: "apply", method: "PATCH", kind, target: targetOf(body, subresource) } as const;
      return object({ ...call, query: { fieldManager, force }, contentType: APPLY_TYPE, body }, options);
    },
    replace: (kind, body, options) => {
      const target = targetOf(body, options?.subresource);
      return object({ verb: "update", method: "PUT", kind, target, contentType: JSON_TYPE, body }, options);
    },
    patch: (kind, ref, body, options) => {
      const target = { ...ref, subresource: options.subresource };
      const query = { fieldManager: options.fieldManager };
      const contentType = PATCH_TYPES[options.type];
      return object({ verb: "patch", method: "PATCH", kind, target, query, contentType, body }, options);
    },
    delete: async (kind, target, options) => {
      const { gracePeriodSeconds, uid, propagationPolicy } = options ?? {};
      const body = {
        apiVersion: "v1",
        kind: "DeleteOptions",
        gracePeriodSeconds,
        propagationPolicy,
        ...(uid !== undefined && { preconditions: { uid } }),
      };
      const call: Call = { verb: "delete", method: "DELETE", kind, target, contentType: JSON_TYPE, body };
      const got = await answer(call, options);
      return got.ok ? succeeded(undefined) : got;
    },
    post: (kind, ref, subresource, body, options) => {
      const target = { namespace: ref?.namespace, ...(ref?.name ? { name: ref.name } : {}), subresource };
      return object({ verb: "create", method: "POST", kind, target, contentType: JSON_TYPE, body }, options);
    },
    resetConnections: () => session.resetConnections(),
    close: () => session.close(),
  };
}

function whatOf({ verb, kind, target }: Call): string {
  return `${verb} ${describe(kind, target)}`;
}

function targetOf({ metadata: { namespace, name } }: KubeObject, subresource: string | undefined): Target {
  return { namespace, name, subresource };
}

import type { User } from "../../../agent/kubelet-api/identity.ts";
import type { KubeClient, KubeObject, KubeResult, WatchEvent } from "../../../kube/client.ts";
import { failed, succeeded } from "../../../kube/failure.ts";

/** Stands in for the API server: reviews, and certificate requests. It counts what it is asked, and may be away. */
export interface FakeKube extends KubeClient {
  readonly users: Map<string, User>;
  /** Users who may do everything. */
  readonly mayAll: Set<string>;
  /** `USER VERB SUBRESOURCE` */
  readonly rights: Set<string>;
  /** `TokenReview TOKEN`, `SubjectAccessReview USER VERB SUBRESOURCE` */
  readonly asked: string[];
  away: boolean;
  readonly csrs: Map<string, KubeObject>;
  /** Changes a request, and tells who watches. */
  decide: (name: string, status: object) => void;
  remove: (name: string) => void;
}

export function fakeKube(): FakeKube {
  const users = new Map<string, User>();
  const mayAll = new Set<string>();
  const rights = new Set<string>();
  const asked: string[] = [];
  const csrs = new Map<string, KubeObject>();
  const watchers = new Set<(event: WatchEvent) => void>();
  const notHere = async (): Promise<never> => {
    throw new Error("the stand-in for the API server does not do that");
  };
  const away = () => failed("unavailable", "the API server is away");
  let version = 1;
  const tell = (type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject) => {
    for (const watcher of watchers) watcher({ type, object });
  };
  const put = (object: KubeObject) => {
    version += 1;
    const next = {
      ...object,
      metadata: { ...object.metadata, uid: object.metadata.name, resourceVersion: String(version) },
    };
    csrs.set(object.metadata.name, next);
    return next;
  };
  const fake: FakeKube = {
    ...{ server: "https://stand-in", users, mayAll, rights, asked, csrs, away: false },
    post: async (kind, _target, _subresource, body) => {
      if (kind.kind === "TokenReview") return reviewToken(body);
      return reviewAccess(body);
    },
    create: async (_kind, object) => {
      if (fake.away) return away();
      if (csrs.has(object.metadata.name)) return failed("conflict", "it exists already");
      const made = put(object);
      tell("ADDED", made);
      return succeeded(made);
    },
    list: async () =>
      fake.away
        ? away()
        : succeeded({ items: [...csrs.values()], resourceVersion: String(version), continue: undefined }),
    watch: async (_kind, { sendInitialEvents }, onEvent, signal) => {
      if (sendInitialEvents === true) {
        for (const object of csrs.values()) onEvent({ type: "ADDED", object });
        onEvent({ type: "BOOKMARK", resourceVersion: String(version), initialEventsEnd: true });
      }
      watchers.add(onEvent);
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      watchers.delete(onEvent);
      return succeeded(undefined);
    },
    decide: (name, status) => {
      const csr = csrs.get(name);
      if (csr === undefined) throw new Error(`there is no request ${name}`);
      tell("MODIFIED", put({ ...csr, status }));
    },
    remove: (name) => {
      const csr = csrs.get(name);
      csrs.delete(name);
      if (csr !== undefined) tell("DELETED", csr);
    },
    ...{ get: notHere, apply: notHere, replace: notHere, patch: notHere, delete: notHere },
    resetConnections: async () => {},
    close: async () => {},
  };

  function reviewToken(body: unknown): KubeResult<KubeObject> {
    const { token } = (body as { spec: { token: string } }).spec;
    asked.push(`TokenReview ${token}`);
    if (fake.away) return away();
    const user = users.get(token);
    const status =
      user === undefined
        ? { user: {}, error: "[invalid bearer token]" }
        : { authenticated: true, user: { username: user.name, ...user, name: undefined } };
    return succeeded({ metadata: { name: "" }, status });
  }

  function reviewAccess(body: unknown): KubeResult<KubeObject> {
    const { spec } = body as { spec: { user: string; resourceAttributes: Record<string, string> } };
    const { verb, subresource, resource, name } = spec.resourceAttributes;
    asked.push(`SubjectAccessReview ${spec.user} ${verb} ${subresource}`);
    if (fake.away) return away();
    const allowed = mayAll.has(spec.user) || rights.has(`${spec.user} ${verb} ${subresource}`);
    return succeeded({
      metadata: { name: "" },
      status: { allowed: allowed && resource === "nodes" && name === "mac-1" },
    });
  }

  return fake;
}

import type { KubeClient, KubeFailureKind, KubeObject, KubeResult } from "../../../kube/client.ts";

/** Stands in for an API server with one object, which answers as it is told. */
export interface StandInApi {
  readonly client: KubeClient;
  object: KubeObject | undefined;
  /** Answers to the next requests, instead of the object. */
  readonly failures: { kind: KubeFailureKind; status?: number; retryAfterMs?: number }[];
  /** Verbs of all requests. */
  readonly requests: string[];
  /** Answer of a POST to a subresource. */
  posted: (body: unknown) => KubeResult<KubeObject>;
}

export function standInApi(): StandInApi {
  let version = 1;
  const never = () => Promise.reject(new Error("no test makes this request"));
  const answer = async <T>(verb: string, act: () => KubeResult<T>): Promise<KubeResult<T>> => {
    api.requests.push(verb);
    const failure = api.failures.shift();
    return failure === undefined ? act() : { ok: false, error: `${verb} failed`, ...failure };
  };
  const kept = (object: KubeObject): KubeResult<KubeObject> => {
    version += 1;
    api.object = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    return { ok: true, value: api.object };
  };
  const refused = (kind: KubeFailureKind, status: number) => ({ ok: false, kind, status, error: kind }) as const;
  const api: StandInApi = {
    client: {
      server: "https://stand-in:6443",
      get: () => answer("get", () => (api.object ? { ok: true, value: api.object } : refused("not-found", 404))),
      create: (_, object) => answer("create", () => (api.object ? refused("conflict", 409) : kept(object))),
      replace: (_, object) =>
        answer("replace", () => {
          if (api.object === undefined) return refused("not-found", 404);
          const same = object.metadata.resourceVersion === api.object.metadata.resourceVersion;
          return same ? kept(object) : refused("conflict", 409);
        }),
      post: (_kind, _target, subresource, body) => answer(`post ${subresource}`, () => api.posted(body)),
      ...{ list: never, watch: never, apply: never, patch: never, delete: never },
      resetConnections: async () => {},
      close: async () => {},
    },
    object: undefined,
    failures: [],
    requests: [],
    posted: () => refused("not-found", 404),
  };
  return api;
}

import type { KubeClient, KubeFailure, KubeObject, KubeResult } from "../../../kube/client.ts";
import { failed, succeeded } from "../../../kube/failure.ts";
import { keyOfObject } from "../../../kube/keys.ts";

/** Objects in memory with resource versions, as an API server keeps them; a request fails with `failure` as long as there is one. */
export function standInObjects() {
  const objects = new Map<string, KubeObject>();
  const requests: string[] = [];
  const state: { failure: KubeFailure | undefined; late: Promise<void> | undefined } = {
    failure: undefined,
    late: undefined,
  };
  let version = 0;

  async function answered(request: string, work: () => KubeResult<KubeObject>): Promise<KubeResult<KubeObject>> {
    requests.push(request);
    const { failure } = state;
    await state.late;
    return failure ?? work();
  }

  function kept(object: KubeObject): KubeResult<KubeObject> {
    version += 1;
    const now = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: `${version}` } });
    objects.set(keyOfObject(object), now);
    return succeeded(structuredClone(now));
  }

  function found(key: string): KubeResult<KubeObject> {
    const object = objects.get(key);
    return object === undefined
      ? failed("not-found", `${key} does not exist`, { status: 404 })
      : succeeded(structuredClone(object));
  }

  const unplayed = () => Promise.reject(new Error("not played"));
  const client: KubeClient = {
    server: "https://stand-in",
    get: (_kind, { namespace, name }) => answered("get", () => found(`${namespace}/${name}`)),
    create: (_kind, object) =>
      answered("create", () =>
        objects.has(keyOfObject(object)) ? failed("conflict", "it exists", { status: 409 }) : kept(object),
      ),
    replace: (_kind, object) =>
      answered("replace", () => {
        const known = found(keyOfObject(object));
        if (!known.ok) return known;
        const newest = known.value.metadata.resourceVersion === object.metadata.resourceVersion;
        return newest ? kept(object) : failed("conflict", "it was written meanwhile", { status: 409 });
      }),
    patch: (_kind, { namespace, name }, patch) =>
      answered("patch", () => {
        const known = found(`${namespace}/${name}`);
        return known.ok ? kept({ ...known.value, ...(patch as object) }) : known;
      }),
    list: unplayed as never,
    watch: unplayed as never,
    apply: unplayed,
    delete: unplayed as never,
    post: unplayed,
    resetConnections: async () => {},
    close: async () => {},
  };
  return { client, objects, requests, state };
}

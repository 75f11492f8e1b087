import { ApiException, CustomObjectsApi, KubeConfig } from "@kubernetes/client-node";
import pRetry from "p-retry";
import * as z from "zod";
import { fail, ok, type Result } from "../../api/result.ts";
import type { ControlPlane } from "./control-plane.ts";

/** One kind of namespaced custom objects on a real API server. */
export interface Kindred {
  /** Creates under strict field validation; the failure is the server's own message. */
  create: (manifest: object) => Promise<Result<ServerObject>>;
  /** The same without keeping anything. */
  dryRun: (manifest: object) => Promise<Result<ServerObject>>;
  read: (name: string) => Promise<ServerObject>;
  /** Replaces the status alone, under strict field validation. */
  replaceStatus: (object: ServerObject) => Promise<Result<ServerObject>>;
  readScale: (name: string) => Promise<ServerObject>;
  replaceScale: (scale: ServerObject) => Promise<Result<ServerObject>>;
}

const objectShape = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.record(z.string(), z.unknown()).optional(),
  status: z.record(z.string(), z.unknown()).optional(),
});
export type ServerObject = z.output<typeof objectShape>;

const crdShape = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    group: z.string(),
    names: z.looseObject({ plural: z.string() }),
    versions: z.tuple([z.looseObject({ name: z.string() })]),
  }),
});
const establishedShape = z.looseObject({
  status: z.looseObject({
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().optional() })),
  }),
});

const CRDS = { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" };
const NAMESPACE = "default";
const strict = { fieldValidation: "Strict" };

/**
 * Creates a CRD and waits until objects of it are served.
 * @param crd as a YAML parser returns it; the typed client would drop keywords that it does not know
 * @throws Error with the conditions of a CRD that the server does not establish
 */
export async function install(plane: ControlPlane, crd: unknown): Promise<Kindred> {
  const config = new KubeConfig();
  config.loadFromFile(plane.kubeconfigPath);
  const api = config.makeApiClient(CustomObjectsApi);
  const { metadata, spec } = crdShape.parse(crd);
  await api.createClusterCustomObject({ ...CRDS, ...strict, body: crd });
  const coordinates = {
    group: spec.group,
    version: spec.versions[0].name,
    plural: spec.names.plural,
    namespace: NAMESPACE,
  };
  const established = async () => {
    const current = establishedShape.parse(await api.getClusterCustomObject({ ...CRDS, name: metadata.name }));
    const holds = (type: string) => current.status.conditions.some((one) => one.type === type && one.status === "True");
    if (!holds("Established") || holds("NonStructuralSchema")) throw new Error(JSON.stringify(current.status));
    await api.listNamespacedCustomObject(coordinates);
  };
  await pRetry(established, { retries: 200, factor: 1, minTimeout: 100 });
  const send = async (call: Promise<unknown>) => {
    try {
      return ok(objectShape.parse(await call));
    } catch (error) {
      if (error instanceof ApiException) return fail(statusMessage(error.body));
      throw error;
    }
  };
  const create = (manifest: object) => ({ ...coordinates, ...strict, body: manifest });
  const replace = (object: ServerObject) => ({ ...create(object), name: object.metadata.name });
  return {
    create: (manifest) => send(api.createNamespacedCustomObject(create(manifest))),
    dryRun: (manifest) => send(api.createNamespacedCustomObject({ ...create(manifest), dryRun: "All" })),
    read: async (name) => objectShape.parse(await api.getNamespacedCustomObject({ ...coordinates, name })),
    replaceStatus: (object) => send(api.replaceNamespacedCustomObjectStatus(replace(object))),
    readScale: async (name) => objectShape.parse(await api.getNamespacedCustomObjectScale({ ...coordinates, name })),
    replaceScale: (scale) => send(api.replaceNamespacedCustomObjectScale(replace(scale))),
  };
}

function statusMessage(body: unknown): string {
  const status: unknown = typeof body === "string" ? JSON.parse(body) : body;
  return z.looseObject({ message: z.string() }).parse(status).message;
}

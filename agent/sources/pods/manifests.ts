import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Model } from "../../../api/model.ts";
import { readTolerantly } from "../../../api/parse.ts";
import type { KubeClient, KubeObject } from "../../../kube/client.ts";
import { KINDS } from "../../../kube/kinds.ts";
import type { Parsed } from "../../../kube/reflector/reflector.ts";
import { draftModelRef } from "../../../serving/speculation.ts";
import type { Lookup } from "./accept.ts";
import type { PodClaim } from "./claim.ts";
import { type WatchedObjects, watchedObjects } from "./watched.ts";

/** The InferenceServices and Models that pods of this node name. */
export interface WatchedManifests extends Lookup {
  /** Watches what these claims name, and what the services among it name. To be called again whenever something has changed. */
  follow(claims: readonly PodClaim[]): void;
  /** Every Model that is known; undefined while one of those that are named is not known. */
  models(): readonly Model[] | undefined;
  problems(): readonly string[];
  close(): Promise<void>;
}

/** @param changed is called whenever something else is known */
export function watchedManifests(client: KubeClient, changed: () => void): WatchedManifests {
  const services = watchedObjects({ client, kind: KINDS.inferenceService, parse: readService, changed });
  const models = watchedObjects({ client, kind: KINDS.model, parse: readModel, changed });
  let wantedModels: ReadonlySet<string> = new Set();
  let complete = true;
  const modelsNamedBy = (claims: readonly PodClaim[]): ReadonlySet<string> => {
    const named = new Set<string>();
    complete = true;
    for (const { namespace, service } of claims) {
      const known = services.known(`${namespace}/${service}`);
      complete &&= known.is === "known" || known.is === "absent";
      if (known.is !== "known") continue;
      const { spec } = known.value;
      for (const name of [spec.modelRef, draftModelRef(spec)]) if (name) named.add(`${namespace}/${name}`);
    }
    return named;
  };
  return {
    service: services.known,
    model: models.known,
    follow: (claims) => {
      services.want(new Set(claims.map(({ namespace, service }) => `${namespace}/${service}`)));
      wantedModels = modelsNamedBy(claims);
      models.want(wantedModels);
    },
    models: () => {
      const all = [...wantedModels].map((name) => models.known(name));
      if (!complete || all.some(({ is }) => is === "unheard" || is === "unreadable")) return undefined;
      return all.flatMap((known) => (known.is === "known" ? [known.value] : []));
    },
    problems: () => unreachable([services, models]),
    close: async () => {
      await Promise.all([services.close(), models.close()]);
    },
  };
}

/** A cluster that is away makes every watch fail in the same way: it is said once. */
function unreachable(watched: readonly Pick<WatchedObjects<unknown>, "problems">[]): readonly string[] {
  return [...new Set(watched.flatMap(({ problems }) => problems()))];
}

function readService(object: KubeObject): Parsed<InferenceService> {
  const read = readTolerantly(plain(object, "InferenceService"));
  if (!read.ok) return read;
  const { manifest } = read.value;
  return manifest.kind === "InferenceService"
    ? { ok: true, value: manifest }
    : { ok: false, error: "the API server sent another kind" };
}

function readModel(object: KubeObject): Parsed<Model> {
  const read = readTolerantly(plain(object, "Model"));
  if (!read.ok) return read;
  const { manifest } = read.value;
  return manifest.kind === "Model" ? { ok: true, value: manifest } : { ok: false, error: "the API server sent another kind" };
}

/** Items of a list have no kind. Nothing depends on the status, which others write. */
function plain(object: KubeObject, kind: string): object {
  const { metadata, spec } = object;
  const { name, namespace, uid, annotations, labels } = metadata;
  return {
    apiVersion: "inference.llmkube.dev/v1alpha1",
    kind,
    metadata: { name, namespace, ...(uid && { uid }), ...(annotations && { annotations }), ...(labels && { labels }) },
    spec,
  };
}

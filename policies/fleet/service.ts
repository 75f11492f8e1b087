import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { draftModelRef } from "../../serving/speculation.ts";
import { kindOf } from "../resource-types.ts";
import { type Reading, readInferenceService, readModel, unknownInPreview } from "../manifest.ts";
import { manifestProps, type StackResource } from "./resource.ts";
import { type Target, targetOf } from "./target.ts";

/** A Model or InferenceService of the stack. */
export interface Found<Manifest> {
  readonly urn: string;
  readonly target: Target;
  readonly reading: Reading<Manifest>;
}

/** All Models and InferenceServices of a stack. */
export interface StackManifests {
  readonly models: readonly Found<Model>[];
  readonly services: readonly Found<InferenceService>[];
}

export function manifestsOf(resources: readonly StackResource[]): StackManifests {
  const models: Found<Model>[] = [];
  const services: Found<InferenceService>[] = [];
  for (const resource of resources) {
    const kind = kindOf(resource.type);
    if (kind === undefined) continue;
    const { urn, name } = resource;
    const [target, manifest] = [targetOf(resource), { urn, name, props: manifestProps(resource) }];
    if (kind === "Model") models.push({ urn, target, reading: readModel(manifest) });
    else services.push({ urn, target, reading: readInferenceService(manifest) });
  }
  return { models, services };
}

/** A service with the Models that it names. */
export interface Joined {
  readonly service: InferenceService;
  readonly model: Model;
  readonly draft: Model | undefined;
}

export type Joining =
  | { readonly state: "joined"; readonly joined: Joined }
  /** One clause: what of it is not known here. */
  | { readonly state: "unknown"; readonly why: string }
  /** Policies about one resource say what is wrong with it. */
  | { readonly state: "faulty"; readonly why: string };

/** Fields of a spec that decide neither how much is needed nor where. */
const HARMLESS = /^(?!spec)|^spec\.(sha256|quantization|podAnnotations|podLabels)\b/;

export function join({ reading, target }: Found<InferenceService>, models: readonly Found<Model>[]): Joining {
  const service = settled(reading);
  if (service.state !== "known") return service;
  const { metadata, spec } = service.manifest;
  const lookUp = (name: string): Settled<Model> => {
    const subject = `Model ${metadata.namespace}/${name}`;
    const found = models.find((one) => one.target.key === target.key && one.reading.subject === subject);
    return found === undefined ? { state: "unknown", why: `${subject} is not in this stack` } : settled(found.reading);
  };
  const model = lookUp(spec.modelRef);
  if (model.state !== "known") return model;
  const drafting = draftModelRef(spec);
  const draft = drafting === undefined ? undefined : lookUp(drafting);
  if (draft !== undefined && draft.state !== "known") return draft;
  return { state: "joined", joined: { service: service.manifest, model: model.manifest, draft: draft?.manifest } };
}

type Settled<Manifest> = { readonly state: "known"; readonly manifest: Manifest } | Exclude<Joining, { state: "joined" }>;

function settled<Manifest>(reading: Reading<Manifest>): Settled<Manifest> {
  if (reading.state === "faulty") return { state: "faulty", why: reading.fault };
  const unknown = reading.unknown.filter((path) => !HARMLESS.test(path));
  if (reading.state === "read" && unknown.length === 0) return { state: "known", manifest: reading.manifest };
  return { state: "unknown", why: unknownInPreview(reading.subject, unknown).replace(/\.$/, "") };
}

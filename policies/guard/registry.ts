import type { InferenceServiceSpec } from "../../api/inferenceservice.ts";
import { draftModelRef } from "../../serving/speculation.ts";
import type { ModelSubject, Registered, ServedSubject, ServiceSubject } from "../definition.ts";
import { headerOf } from "../headers.ts";
import { type Reading, type Resource, readInferenceService, readModel } from "../manifest.ts";
import { kindOf, providerKey } from "../resource-types.ts";

/** What the policies of one guard know of the resources of one preview or update. */
export interface Registry {
  /**
   * The resource as a subject, parsed for the first policy that asks and kept for the others: a policy sees a resource once, so one that
   * asks again asks about new inputs. Undefined for a resource of another API.
   */
  readonly look: (resource: Resource & { readonly type: string }, asker: string) => Look | undefined;
  /** The same at the end of the operation: as it was registered, and read now only if it was not. */
  readonly recall: (resource: Resource & { readonly type: string }) => Look | undefined;
  /** The same for inputs that may still be changed: it is not kept. */
  readonly glance: (resource: Resource & { readonly type: string }) => Look | undefined;
  /** The service with its Models, or which of them is not known yet. */
  readonly join: (service: ServiceSubject) => Joined;
  readonly registered: () => Registered;
  /** What a policy is configured with. */
  readonly configured: (policy: string, config: Readonly<Record<string, unknown>>) => void;
  /** Undefined where it was not asked yet, or is not in force. */
  readonly configOf: (policy: string) => Readonly<Record<string, unknown>> | undefined;
  /** True once a key: what was said already is not said again. */
  readonly first: (key: string) => boolean;
  /** Notes the text, unless that policy refuses something of the resource before the notes are taken. */
  readonly note: (urn: string, text: string, unlessRefusedBy?: string) => void;
  /** A policy refuses something of the resource. */
  readonly refused: (policy: string, urn: string) => void;
  readonly hasRefused: (policy: string, urn: string) => boolean;
  /** The notes on a resource, each once; all that are left where none is named. */
  readonly takeNotes: (urn: string) => readonly string[];
  readonly noted: () => readonly string[];
  /** The operation is over. What is looked at afterwards belongs to another one. */
  readonly end: () => void;
}

export type Look =
  | { readonly state: "read"; readonly subject: ModelSubject | ServiceSubject }
  /** Its name or another part without which it is no manifest is not known before the update. */
  | { readonly state: "pending"; readonly label: string; readonly kind: Kind; readonly unknown: readonly string[] }
  | { readonly state: "faulty"; readonly label: string; readonly kind: Kind; readonly fault: string };

export type Kind = "Model" | "InferenceService";

export type Joined =
  | { readonly state: "joined"; readonly served: ServedSubject }
  /** `spec.modelRef` is not known yet. */
  | { readonly state: "unknown" }
  /** A Model of that label was not seen so far. */
  | { readonly state: "missing"; readonly label: string }
  /** That Model is no valid manifest, or not known yet. */
  | { readonly state: "unusable"; readonly model: Look };

interface Entry {
  readonly look: Look;
  readonly askers: Set<string>;
}

export function createRegistry(): Registry {
  const entries = new Map<string, Entry>();
  const models = new Map<string, Look>();
  const services = new Set<string>();
  const said = new Set<string>();
  const configs = new Map<string, Readonly<Record<string, unknown>>>();
  const { clear: clearNotes, ...notes } = createNotes();
  let over = false;

  function startAfresh(): void {
    for (const kept of [entries, models, services, said]) kept.clear();
    clearNotes();
    over = false;
  }

  function look(resource: Resource & { readonly type: string }, asker: string): Look | undefined {
    const kind = kindOf(resource.type);
    if (kind === undefined) return undefined;
    if (over) startAfresh();
    const known = entries.get(resource.urn);
    if (known !== undefined && !known.askers.has(asker)) {
      known.askers.add(asker);
      return known.look;
    }
    return enter(kind, resource, asker);
  }

  function enter(kind: Kind, resource: Resource, asker: string): Look {
    const { look, key } = lookAt(kind, resource);
    entries.set(resource.urn, { look, askers: new Set([asker]) });
    if (kind === "Model") models.set(key, look);
    else services.add(resource.urn);
    return look;
  }

  function recall(resource: Resource & { readonly type: string }): Look | undefined {
    const kind = kindOf(resource.type);
    return kind && (entries.get(resource.urn)?.look ?? enter(kind, resource, "the end"));
  }

  function join(service: ServiceSubject): Joined {
    const { spec } = service;
    if (spec.modelRef === undefined) return { state: "unknown" };
    const known = { ...spec, modelRef: spec.modelRef } satisfies InferenceServiceSpec;
    const drafting = draftModelRef(known);
    const names = drafting === undefined ? [spec.modelRef] : [spec.modelRef, drafting];
    const found: ModelSubject[] = [];
    for (const name of names) {
      const model = models.get(keyOf(service.provider, service.namespace, name));
      if (model === undefined) return { state: "missing", label: `Model ${service.namespace}/${name}` };
      if (model.state !== "read" || model.subject.kind !== "Model") return { state: "unusable", model };
      found.push(model.subject);
    }
    const [model, draft] = found;
    if (model === undefined) throw new Error("a service without a Model");
    return { state: "joined", served: { service: { ...service, spec: known }, model, draft } };
  }

  return {
    look,
    glance,
    recall,
    join,
    registered: () => ({ scope: entries, models: models.size, services: services.size }),
    configured: (policy, config) => {
      configs.set(policy, config);
    },
    configOf: (policy) => configs.get(policy),
    first: (key) => !said.has(key) && said.add(key).has(key),
    ...notes,
    end: () => {
      over = true;
    },
  };
}

function createNotes(): Pick<Registry, "note" | "takeNotes" | "noted" | "refused" | "hasRefused"> & {
  readonly clear: () => void;
} {
  const notes = new Map<string, Map<string, string | undefined>>();
  const refusals = new Map<string, Set<string>>();
  const hasRefused = (policy: string, urn: string) => refusals.get(urn)?.has(policy) === true;
  return {
    note: (urn, text, unlessRefusedBy) => {
      notes.set(urn, (notes.get(urn) ?? new Map()).set(text, unlessRefusedBy));
    },
    takeNotes: (urn) => {
      const taken = [...(notes.get(urn) ?? [])];
      notes.delete(urn);
      return taken.flatMap(([text, policy]) => (policy !== undefined && hasRefused(policy, urn) ? [] : [text]));
    },
    noted: () => [...notes.keys()],
    refused: (policy, urn) => {
      refusals.set(urn, (refusals.get(urn) ?? new Set()).add(policy));
    },
    hasRefused,
    clear: () => {
      notes.clear();
      refusals.clear();
    },
  };
}

function keyOf(provider: string, namespace: string, name: string): string {
  return JSON.stringify([provider, namespace, name]);
}

function glance(resource: Resource & { readonly type: string }): Look | undefined {
  const kind = kindOf(resource.type);
  return kind && lookAt(kind, resource).look;
}

function lookAt(kind: Kind, resource: Resource): { look: Look; key: string } {
  return kind === "Model" ? modelLook(resource) : serviceLook(resource);
}

function modelLook(resource: Resource): { look: Look; key: string } {
  const reading = readModel(resource);
  const key = keyOf(providerKey(resource.provider?.urn), reading.namespace, reading.name);
  if (reading.state !== "read") return { look: unread("Model", reading), key };
  const { spec } = reading.manifest;
  const subject: ModelSubject = {
    kind: "Model",
    ...identity(resource, reading),
    annotations: reading.manifest.metadata.annotations ?? {},
    labels: reading.manifest.metadata.labels ?? {},
    spec,
    header: () => headerOf(spec.source ?? ""),
  };
  return { look: { state: "read", subject }, key };
}

function serviceLook(resource: Resource): { look: Look; key: string } {
  const reading = readInferenceService(resource);
  const key = resource.urn;
  if (reading.state !== "read") return { look: unread("InferenceService", reading), key };
  const subject: ServiceSubject = {
    kind: "InferenceService",
    ...identity(resource, reading),
    annotations: reading.manifest.metadata.annotations ?? {},
    labels: reading.manifest.metadata.labels ?? {},
    spec: reading.manifest.spec,
  };
  return { look: { state: "read", subject }, key };
}

function identity({ urn, provider }: Resource, { subject, namespace, name, unknown }: Reading<unknown, "read">) {
  return { urn, label: subject, namespace, name, provider: providerKey(provider?.urn), unknown };
}

function unread(kind: Kind, reading: Reading<unknown, "pending" | "faulty">): Look {
  const { subject: label } = reading;
  if (reading.state === "faulty") return { state: "faulty", kind, label, fault: reading.fault };
  return { state: "pending", kind, label, unknown: reading.unknown };
}

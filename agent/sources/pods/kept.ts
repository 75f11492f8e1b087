import { readFileSync, statSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { errorText } from "../../../api/error-code.ts";
import { POD_ANNOTATIONS } from "../../../api/fleet.ts";
import type { InferenceService } from "../../../api/inferenceservice.ts";
import type { Model } from "../../../api/model.ts";
import { readTolerantly } from "../../../api/parse.ts";
import type { Known, Lookup } from "./accept.ts";
import { idOfPod, type Pod, podSchema } from "./pod.ts";

/** A pod that was accepted, with the manifests that it was accepted for. */
export interface KeptPod {
  readonly pod: Pod;
  readonly service: InferenceService;
  readonly model: Model;
  readonly draft: Model | undefined;
}

/**
 * The accepted pods of this node on the disk: with them an agent that is started while the API server is away starts a server that crashes
 * then. Nothing of a Secret is in it; keys have files of their own.
 */
export interface KeptPods {
  readonly all: () => readonly KeptPod[];
  /** Replaces all; writes where they differ from what is there. */
  readonly keep: (pods: readonly KeptPod[]) => void;
  /** Why they cannot be written, as one sentence. */
  readonly problems: () => readonly string[];
}

/** Version of the file. One of another version is not read, and is replaced. */
const VERSION = 1;
/** More than a node takes. */
const MOST_PODS = 256;
/** Far above what {@link MOST_PODS} pods of ours take. */
const MOST_BYTES = 16 * 2 ** 20;

const entrySchema = z.object({
  pod: podSchema,
  service: z.unknown(),
  model: z.unknown(),
  draft: z.unknown().optional(),
});
const fileSchema = z.object({
  version: z.literal(VERSION),
  node: z.string(),
  pods: z.array(z.unknown()).max(MOST_PODS),
});

/** A pod that may run, and what it is accepted for. */
export interface DecidedPod {
  readonly pod: Pod;
  readonly accepted: Omit<KeptPod, "pod"> | "undecided";
}

/** What cannot be read, or is of a node of another name, counts as not there. @param path of the file */
export function keptPods(path: string, node: string): KeptPods {
  let known = readKept(path, node);
  let problem: string | undefined;
  return {
    all: () => known,
    keep: (pods) => {
      const kept = pods.slice(0, MOST_PODS).map(smallest);
      if (problem === undefined && isDeepStrictEqual(kept, known)) return;
      try {
        const text = `${JSON.stringify({ version: VERSION, node, pods: kept })}\n`;
        if (text.length > MOST_BYTES) throw new Error(`they take more than ${MOST_BYTES} bytes`);
        writeFileAtomic.sync(path, text, { mode: 0o600 });
        [known, problem] = [kept, undefined];
      } catch (error) {
        problem = `the pods of this node cannot be kept in ${path} (${errorText(error)}): a server that crashes while the API server is away, after a restart of the agent, waits for it`;
      }
    },
    problems: () => (problem === undefined ? [] : [problem]),
  };
}

/** Looks among live objects first, then among those that were kept, as long as the API server has not told about the object. */
export function lookupWith(live: Lookup, kept: readonly KeptPod[]): Lookup {
  const services = new Map(kept.map(({ service }) => [nameOf(service), service]));
  const models = new Map(
    kept.flatMap(({ model, draft }) => [model, draft ?? []].flat()).map((model) => [nameOf(model), model]),
  );
  return {
    service: (name) => orKept(live.service(name), services.get(name)),
    model: (name) => orKept(live.model(name), models.get(name)),
  };
}

function orKept<T extends InferenceService | Model>(live: Known<T>, kept: T | undefined): Known<T> {
  if (live.is !== "unheard" || kept === undefined) return live;
  return { is: "known", value: kept, uid: kept.metadata.uid ?? "" };
}

function nameOf({ metadata }: InferenceService | Model): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Annotations, labels and the status may be large, are written often, and decide nothing. */
function smallest({ pod, service, model, draft }: KeptPod): KeptPod {
  return {
    pod: essentials(pod),
    service: { ...service, metadata: identityOf(service), status: undefined },
    model: { ...model, metadata: identityOf(model), status: undefined },
    draft: draft && { ...draft, metadata: identityOf(draft), status: undefined },
  };
}

function identityOf<T extends InferenceService | Model>({ metadata: { name, namespace, uid } }: T) {
  return { name, namespace, uid };
}

/** What a claim is read from. */
function essentials({ metadata, spec }: Pod): Pod {
  const { name, namespace, uid, annotations = {}, ownerReferences } = metadata;
  const ours = Object.values(POD_ANNOTATIONS).flatMap((key) => {
    const value = annotations[key];
    return value === undefined ? [] : [[key, value]];
  });
  const kept = { name, namespace, uid, annotations: Object.fromEntries(ours) };
  return { metadata: { ...kept, ...(ownerReferences && { ownerReferences }) }, spec, status: {} };
}

function readKept(path: string, node: string): readonly KeptPod[] {
  try {
    if (statSync(path).size > MOST_BYTES) return [];
    const file = fileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
    return file.node === node ? file.pods.flatMap(readEntry) : [];
  } catch {
    return [];
  }
}

/** One that cannot be read is left out, and the others are not. */
function readEntry(value: unknown): readonly KeptPod[] {
  const entry = entrySchema.safeParse(value);
  if (!entry.success) return [];
  const { pod } = entry.data;
  const service = readTolerantly(entry.data.service);
  const model = readTolerantly(entry.data.model);
  const draft = entry.data.draft === undefined ? undefined : readTolerantly(entry.data.draft);
  if (!service.ok || service.value.manifest.kind !== "InferenceService") return [];
  if (!model.ok || model.value.manifest.kind !== "Model") return [];
  if (draft === undefined)
    return [{ pod, service: service.value.manifest, model: model.value.manifest, draft: undefined }];
  if (!draft.ok || draft.value.manifest.kind !== "Model") return [];
  return [{ pod, service: service.value.manifest, model: model.value.manifest, draft: draft.value.manifest }];
}

/**
 * What to keep now: each pod that is accepted with what it is accepted for; one that is undecided, such as while its settings roll out, with
 * what it was accepted for last.
 */
export function nextKept(before: readonly KeptPod[], decided: readonly DecidedPod[]): readonly KeptPod[] {
  const earlier = new Map(before.map((one) => [idOfPod(one.pod), one]));
  return decided.flatMap(({ pod, accepted }) =>
    accepted === "undecided" ? (earlier.get(idOfPod(pod)) ?? []) : [{ pod, ...accepted }],
  );
}

import type { InferenceService, InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { Model } from "../api/model.ts";
import { fail, ok, type Result } from "../api/result.ts";
import { type Budget, resolveBudget } from "../memory/budget.ts";
import { checkExtraArgs } from "../memory/extra-args.ts";
import { servingSettings, uncountedModelParts } from "../memory/serving.ts";
import { missingOptions, type ServerFields, serverFlags } from "./flags.ts";
import { notesOn } from "./notes.ts";
import type { Platform } from "./platform/platform.ts";
import type { ServerOptions } from "./server-options.ts";
import type { Snapshot } from "./sources/directory.ts";
import { type Manifest, nameOf } from "./sources/documents.ts";

/** What budgets and settings are resolved against. */
export interface Node extends Pick<Platform, "backend" | "hostMemoryBytes" | "workingSetBytes"> {
  /** `--memory-fraction`. */
  readonly agentFraction?: number;
  /** Of the llama-server at hand. */
  readonly options: ServerOptions;
}

/** An InferenceService with its Model, everything resolved. */
export interface Workload {
  readonly name: string;
  readonly source: string;
  readonly sha256: string | undefined;
  readonly fields: ServerFields;
  readonly budget: Budget;
  /** 0 for batch up to 4 for critical. */
  readonly priority: number;
  /** Changes exactly when a running server no longer is what is wanted. The budget is not in it (T19). */
  readonly startKey: string;
  readonly notes: readonly string[];
}

export type Desired =
  | { readonly kind: "run"; readonly workload: Workload }
  | { readonly kind: "stopped"; readonly message: string }
  | {
      readonly kind: "refused";
      /** Pending where something else may still come that it needs. */
      readonly state: "Pending" | "Failed";
      readonly reason: string;
      readonly message: string;
    };

const PRIORITIES = ["batch", "low", "normal", "high", "critical"] as const;
const DEFAULT_PORT = 8080;

/**
 * What is wanted, by `namespace/name` of the InferenceService. A port that two ask for belongs to the one that runs, else
 * to the first by name (#232): a newcomer never takes it from a server.
 */
export function desiredWorkloads(
  manifests: readonly Manifest[],
  node: Node,
  running: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, Desired> {
  const models = new Map<string, Model>();
  const services: InferenceService[] = [];
  for (const manifest of manifests) {
    if (manifest.kind === "Model") models.set(nameOf(manifest), manifest);
    else services.push(manifest);
  }
  const rank = (service: InferenceService) => `${running.has(nameOf(service)) ? 0 : 1} ${nameOf(service)}`;
  services.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const wanted = new Map<string, Desired>();
  const ports = new Map<number, string>();
  for (const service of services) wanted.set(nameOf(service), withPort(resolve(service, models, node), ports));
  return wanted;
}

function withPort(desired: Desired, ports: Map<number, string>): Desired {
  if (desired.kind !== "run") return desired;
  const { name, fields } = desired.workload;
  const owner = ports.get(fields.port);
  if (owner === undefined) {
    ports.set(fields.port, name);
    return desired;
  }
  return refused("PortConflict", `port ${fields.port} belongs to ${owner}: give ${name} another spec.endpoint.port`);
}

function resolve(service: InferenceService, models: ReadonlyMap<string, Model>, node: Node): Desired {
  const { spec, metadata } = service;
  const name = nameOf(service);
  if (spec.suspend) return { kind: "stopped", message: "spec.suspend is true" };
  if (spec.replicas === 0) return { kind: "stopped", message: "spec.replicas is 0" };
  if (spec.runtime !== "llamacpp") {
    return refused("Unsupported", `spec.runtime ${spec.runtime} does not run natively on a Mac: use llamacpp`);
  }
  const modelName = `${metadata.namespace}/${spec.modelRef}`;
  const model = models.get(modelName);
  if (model === undefined) {
    const message = `Model ${modelName}, which modelRef names, does not exist`;
    return { kind: "refused", state: "Pending", reason: "ModelNotFound", message };
  }
  const workload = join(name, spec, model, node);
  return workload.ok ? { kind: "run", workload: workload.value } : refused("InvalidSpec", workload.error);
}

function join(name: string, spec: InferenceServiceSpec, model: Model, node: Node): Result<Workload> {
  const unsupported = unsupportedModel(model);
  if (unsupported !== undefined) return fail(unsupported);
  // A Mac can also serve from its CPU; a machine without Metal can do nothing else, and says so in a note.
  const settings = servingSettings(spec, model.spec.hardware?.accelerator === "metal" ? node.backend : "cpu");
  if (!settings.ok) return settings;
  const extraArgs = checkExtraArgs(spec.extraArgs ?? []);
  if (!extraArgs.ok) return extraArgs;
  const unknown = extraArgs.value.find((arg) => /^--?[a-z]/i.test(arg) && !node.options.has(arg));
  if (unknown !== undefined) return fail(`spec.extraArgs: this llama-server has no ${unknown}: remove it`);
  const { memoryBudget, memoryFraction, gpu } = model.spec.hardware ?? {};
  const budget = resolveBudget({ ...node, memoryBudget, memoryFraction });
  if (!budget.ok) return fail(`Model ${nameOf(model)}: ${budget.error}`);
  const fields: ServerFields = {
    name,
    port: spec.endpoint?.port ?? DEFAULT_PORT,
    mode: spec.mode ?? "chat",
    settings: settings.value,
    gpuLayers: gpu?.layers === -1 ? undefined : gpu?.layers,
    jinja: spec.jinja,
    noWarmup: spec.noWarmup,
    reasoningBudget: spec.reasoningBudget,
    reasoningBudgetMessage: spec.reasoningBudgetMessage,
    extraArgs: extraArgs.value,
  };
  const { source, sha256 } = weightsOf(model);
  return ok({
    name,
    source,
    sha256,
    fields,
    budget: budget.value,
    priority: PRIORITIES.indexOf(spec.priority),
    startKey: JSON.stringify([model.spec.sha256, ...serverFlags(fields, source, node.options)]),
    notes: [...notesOn(spec, model, budget.value, node.backend), ...missingOptions(fields, node.options)],
  });
}

function weightsOf({ spec }: Model): Pick<Workload, "source" | "sha256"> {
  return { source: spec.source, sha256: spec.sha256?.toLowerCase() };
}

/** The weights of all Models, served or not; undefined while some manifest cannot be read. */
export function wantedModels({
  manifests,
  problems,
}: Snapshot): readonly Pick<Workload, "source" | "sha256">[] | undefined {
  if (problems.length > 0) return undefined;
  return manifests.flatMap((manifest) => (manifest.kind === "Model" ? [weightsOf(manifest)] : []));
}

/** What of the Model this agent cannot serve, as a sentence. */
function unsupportedModel(model: Model): string | undefined {
  const subject = `Model ${nameOf(model)}`;
  const uncounted = uncountedModelParts(model.spec);
  if (uncounted !== undefined) return `${subject}: ${uncounted}`;
  const accelerator = model.spec.hardware?.accelerator ?? "cpu";
  if (accelerator === "cpu" || accelerator === "metal") return undefined;
  return `${subject}: spec.hardware.accelerator ${accelerator} is not here: use metal`;
}

function refused(reason: string, message: string): Desired {
  return { kind: "refused", state: "Failed", reason, message };
}

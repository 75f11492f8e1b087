import type { InferenceService, InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { type Budget, resolveBudget } from "../../memory/budget.ts";
import { checkExtraArgs } from "../../serving/extra-args.ts";
import { servingSettings, unservedModel } from "../../serving/settings.ts";
import { draftModelRef, speculationOf } from "../../serving/speculation.ts";
import type { Platform } from "../host/platform.ts";
import { missingDraftOption, missingOptions, type ServerFields, serverFlags } from "../llama-server/flags.ts";
import type { SupportedFlags } from "../llama-server/supported-flags.ts";
import { type Manifest, nameOf } from "./manifest.ts";
import { filesOf, type ModelFiles, sourcesOf } from "./model-files.ts";
import { notesOn } from "./notes.ts";

/** What budgets and settings are resolved against. */
export interface HostFacts extends Pick<Platform, "backend" | "hostMemoryBytes" | "workingSetBytes"> {
  /** `--memory-fraction`. */
  readonly agentFraction?: number;
  /** `--api-key-file`. */
  readonly apiKeyFile?: string;
  /** Of the llama-server at hand. */
  readonly options: SupportedFlags;
}

/** An InferenceService with its Model, everything resolved. */
export interface Workload extends ModelFiles {
  readonly name: string;
  readonly fields: ServerFields;
  readonly budget: Budget;
  /** 0 for batch up to 4 for critical. */
  readonly priority: number;
  /** Never evicted for want of memory. */
  readonly evictionProtection: boolean;
  /** Changes exactly when a running server no longer is what is wanted. The budget is not in it (T19). */
  readonly specHash: string;
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
  node: HostFacts,
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

function resolve(service: InferenceService, models: ReadonlyMap<string, Model>, node: HostFacts): Desired {
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
  const drafting = draftModelRef(spec);
  const draft = drafting === undefined ? undefined : models.get(`${metadata.namespace}/${drafting}`);
  if (drafting !== undefined && draft === undefined) {
    const message = `Model ${metadata.namespace}/${drafting}, which draftModelRef names, does not exist`;
    return { kind: "refused", state: "Pending", reason: "ModelNotFound", message };
  }
  const workload = join(name, spec, model, draft, node);
  return workload.ok ? { kind: "run", workload: workload.value } : refused("InvalidSpec", workload.error);
}

function join(
  name: string,
  spec: InferenceServiceSpec,
  model: Model,
  draft: Model | undefined,
  node: HostFacts,
): Result<Workload> {
  const unsupported = unsupportedModel(model) ?? (draft && unservedFormat(draft));
  if (unsupported !== undefined) return fail(unsupported);
  const fields = fieldsOf(name, spec, model, node);
  if (!fields.ok) return fields;
  const files = filesOf(model, draft);
  const missing = missingDraftOption(sourcesOf(files), fields.value, node.options);
  if (missing !== undefined) {
    return fail(`spec.speculativeDecoding: this llama-server has no ${missing}: update llama.cpp`);
  }
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  const budget = resolveBudget({ ...node, memoryBudget, memoryFraction });
  if (!budget.ok) return fail(`Model ${nameOf(model)}: ${budget.error}`);
  const flags = serverFlags(fields.value, sourcesOf(files), node.options);
  return ok({
    name,
    ...files,
    fields: fields.value,
    budget: budget.value,
    priority: PRIORITIES.indexOf(spec.priority),
    evictionProtection: spec.evictionProtection === true,
    specHash: JSON.stringify([files.sha256, files.draft?.sha256, ...flags]),
    notes: [...notesOn(spec, model, budget.value, node.backend), ...missingOptions(fields.value, node.options)],
  });
}

function fieldsOf(name: string, spec: InferenceServiceSpec, model: Model, node: HostFacts): Result<ServerFields> {
  // A Mac can also serve from its CPU; a machine without Metal can do nothing else, and says so in a note.
  const settings = servingSettings(spec, model.spec.hardware?.accelerator === "metal" ? node.backend : "cpu");
  if (!settings.ok) return settings;
  const speculation = speculationOf(spec);
  if (!speculation.ok) return speculation;
  const extraArgs = checkExtraArgs(spec.extraArgs ?? []);
  if (!extraArgs.ok) return extraArgs;
  const unknown = extraArgs.value.find((arg) => /^--?[a-z]/i.test(arg) && !node.options.has(arg));
  if (unknown !== undefined) return fail(`spec.extraArgs: this llama-server has no ${unknown}: remove it`);
  const layers = model.spec.hardware?.gpu?.layers;
  return ok({
    name,
    port: spec.endpoint?.port ?? DEFAULT_PORT,
    mode: spec.mode ?? "chat",
    settings: settings.value,
    apiKeyFile: node.apiKeyFile,
    gpuLayers: layers === -1 ? undefined : layers,
    ropeScaling: spec.ropeScaling,
    speculation: speculation.value,
    jinja: spec.jinja,
    noWarmup: spec.noWarmup,
    reasoningBudget: spec.reasoningBudget,
    reasoningBudgetMessage: spec.reasoningBudgetMessage,
    extraArgs: extraArgs.value,
  });
}

/** What of the Model this agent cannot serve, as a sentence. */
function unsupportedModel(model: Model): string | undefined {
  const accelerator = model.spec.hardware?.accelerator ?? "cpu";
  if (accelerator === "cpu" || accelerator === "metal") return unservedFormat(model);
  return `Model ${nameOf(model)}: spec.hardware.accelerator ${accelerator} is not here: use metal`;
}

function unservedFormat(model: Model): string | undefined {
  const unserved = unservedModel(model.spec);
  return unserved === undefined ? undefined : `Model ${nameOf(model)}: ${unserved}`;
}

function refused(reason: string, message: string): Desired {
  return { kind: "refused", state: "Failed", reason, message };
}

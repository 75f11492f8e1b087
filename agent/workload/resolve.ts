import { createHash } from "node:crypto";
import { DEFAULT_PORT } from "../../api/constants.ts";
import type { InferenceService, InferenceServiceSpec } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { parseOnDemand } from "../../api/on-demand.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { addressProblem } from "../../fetch/address-problem.ts";
import { resolveBudget } from "../../memory/budget.ts";
import { checkExtraArgs } from "../../serving/extra-args.ts";
import { servingSettings, unservedModel } from "../../serving/settings.ts";
import { draftModelRef, speculationOf } from "../../serving/speculation.ts";
import { EVERY_OPTION, missingOptions, type ServerFields, serverFlags } from "../llama-server/flags.ts";
import type { Desired } from "./desired.ts";
import { nameOf } from "./manifest.ts";
import { filesOf, sourcesOf } from "./model-files.ts";
import { type Noted, notesOn } from "./notes.ts";
import type { HostFacts, Workload } from "./workload.ts";

/** Looks up a Model by `namespace/name`. `unreadable`: it exists, but its manifest cannot be read. */
export type ModelLookup = (name: string) => Model | "absent" | "unreadable";

/** The settings of a workload that its source decides, not its manifests. */
export interface Placement extends Pick<Workload, "id" | "gracePeriodMs" | "returnsAfterEviction"> {
  readonly placedBy: Noted["placedBy"];
  /** The address that the server listens on. */
  readonly host: string;
  /** Undefined: the one of the InferenceService. */
  readonly port?: number;
  /** Undefined: that of the InferenceService, from 0 to 4. */
  readonly priority?: number;
  /** Undefined: that of the host, if it has one. */
  readonly apiKeyFile?: string;
}

const PRIORITIES = ["batch", "low", "normal", "high", "critical"] as const;

/** Resolves an InferenceService and its Models into the desired state on this host. */
export function resolveService(
  service: InferenceService,
  placement: Placement,
  models: ModelLookup,
  host: HostFacts,
): Desired {
  const { spec, metadata } = service;
  const name = nameOf(service);
  if (spec.suspend) return { kind: "stopped", name, message: "spec.suspend is true" };
  if (spec.replicas === 0) return { kind: "stopped", name, message: "spec.replicas is 0" };
  if (spec.runtime !== "llamacpp") {
    return refusal(name, "Unsupported", `spec.runtime ${spec.runtime} does not run natively on a Mac: use llamacpp`);
  }
  const model = lookUp(name, `${metadata.namespace}/${spec.modelRef}`, "modelRef", models);
  if ("kind" in model && model.kind !== "Model") return model;
  const drafting = draftModelRef(spec);
  const draft = drafting && lookUp(name, `${metadata.namespace}/${drafting}`, "draftModelRef", models);
  if (draft && draft.kind !== "Model") return draft;
  const workload = join(name, service, placement, model, draft || undefined, host);
  return workload.ok ? { kind: "run", workload: workload.value } : refusal(name, "InvalidSpec", workload.error);
}

/** The Model, or the desired state of a service whose Model is missing or unreadable. */
function lookUp(
  service: string,
  name: string,
  field: string,
  models: ModelLookup,
): Model | Exclude<Desired, { kind: "run" }> {
  const model = models(name);
  if (model === "absent") {
    const message = `${field} names Model ${name}, which does not exist`;
    return { kind: "refused", name: service, state: "Pending", reason: "ModelNotFound", message };
  }
  if (model === "unreadable") {
    return { kind: "unknown", name: service, message: `${field} names Model ${name}, whose manifest cannot be read` };
  }
  return model;
}

/** A refusal that stays until somebody changes the manifests. */
export function refusal(name: string, reason: string, message: string): Desired {
  return { kind: "refused", name, state: "Failed", reason, message };
}

function join(
  name: string,
  { spec, metadata }: InferenceService,
  { host: listenHost, port, priority, apiKeyFile, placedBy, ...placement }: Placement,
  model: Model,
  draft: Model | undefined,
  host: HostFacts,
): Result<Workload> {
  const unsupported = unsupportedModel(model) ?? (draft && unservedFormat(draft));
  if (unsupported !== undefined) return fail(unsupported);
  const listen = { host: listenHost, port: port ?? spec.endpoint?.port ?? DEFAULT_PORT };
  const fields = fieldsOf(name, listen, spec, model, { ...host, ...(apiKeyFile !== undefined && { apiKeyFile }) });
  if (!fields.ok) return fields;
  const onDemand = parseOnDemand(metadata.annotations);
  if (!onDemand.ok) return onDemand;
  const files = filesOf(model, draft);
  const { memoryBudget, memoryFraction } = model.spec.hardware ?? {};
  const budget = resolveBudget({ ...host, memoryBudget, memoryFraction });
  if (!budget.ok) return fail(`Model ${nameOf(model)}: ${budget.error}`);
  // What a llama-server supports is no part of it: another one on the disk restarts nobody.
  const flags = serverFlags(fields.value, sourcesOf(files), EVERY_OPTION);
  return ok({
    name,
    ...placement,
    ...files,
    fields: fields.value,
    budget: budget.value,
    priority: priority ?? PRIORITIES.indexOf(spec.priority),
    evictionProtection: spec.evictionProtection === true,
    onDemand: onDemand.value,
    specHash: digestOf([files.sha256, files.draft?.sha256, ...flags]),
    notes: [
      ...notesOn({ spec, model, budget: budget.value, backend: host.backend, placedBy }),
      ...missingOptions(fields.value, host.options),
    ],
  });
}

function fieldsOf(
  name: string,
  listen: Pick<ServerFields, "host" | "port">,
  spec: InferenceServiceSpec,
  model: Model,
  host: HostFacts,
): Result<ServerFields> {
  // A Mac can also serve from its CPU. A machine without Metal always does, with a note.
  const settings = servingSettings(spec, model.spec.hardware?.accelerator === "metal" ? host.backend : "cpu");
  if (!settings.ok) return settings;
  const speculation = speculationOf(spec);
  if (!speculation.ok) return speculation;
  const extraArgs = checkExtraArgs(spec.extraArgs ?? []);
  if (!extraArgs.ok) return extraArgs;
  const layers = model.spec.hardware?.gpu?.layers;
  return ok({
    name,
    ...listen,
    mode: spec.mode ?? "chat",
    settings: settings.value,
    apiKeyFile: host.apiKeyFile,
    gpuLayers: layers === -1 ? undefined : layers,
    deviceName: host.deviceName,
    ropeScaling: spec.ropeScaling,
    speculation: speculation.value,
    jinja: spec.jinja,
    noWarmup: spec.noWarmup,
    reasoningBudget: spec.reasoningBudget,
    reasoningBudgetMessage: spec.reasoningBudgetMessage,
    extraArgs: extraArgs.value,
  });
}

/** Why this agent cannot serve the Model, as a sentence; undefined if it can. */
function unsupportedModel(model: Model): string | undefined {
  const accelerator = model.spec.hardware?.accelerator ?? "cpu";
  if (accelerator === "cpu" || accelerator === "metal") return unservedFormat(model);
  return `Model ${nameOf(model)}: spec.hardware.accelerator ${accelerator} is not supported: use metal or cpu`;
}

function unservedFormat(model: Model): string | undefined {
  const { source, mmproj } = model.spec;
  const unserved =
    unservedModel(model.spec) ?? addressProblem("spec.source", source) ?? addressProblem("spec.mmproj", mmproj);
  return unserved === undefined ? undefined : `Model ${nameOf(model)}: ${unserved}`;
}

/** A digest, since an address among the parts may hold a password. */
function digestOf(parts: readonly (string | undefined)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

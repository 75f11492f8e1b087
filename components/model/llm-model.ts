import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_NAMESPACE } from "../../api/constants.ts";
import { objectClaim, serviceClaim } from "../../serving/claims.ts";
import type { EstimatedMemory } from "../estimate/estimate-types.ts";
import { memoryOutputs } from "../estimate/estimated-memory.ts";
import type { Refuse } from "../inputs/check.ts";
import { plainTexts } from "../inputs/plain-inputs.ts";
import { refusalOf } from "../inputs/refusal.ts";
import { withDefault } from "../inputs/unknown.ts";
import { componentType, withFormerType } from "../package-name.ts";
import type { LlmModelArgs } from "./args.ts";
import { type CheckedArgs, checkedArgs } from "./checked-args.ts";
import { claimed } from "./claims.ts";
import { endpointOf } from "./endpoint.ts";
import { type HuggingFaceArgs, huggingFaceSource } from "./hugging-face.ts";
import { onDemandAnnotations } from "./on-demand.ts";
import { merged } from "./overrides.ts";
import { InferenceService, Model } from "./resources.ts";
import { modelSpec, serviceSpec } from "./specs.ts";
import { waitAnnotations } from "./wait-for-ready.ts";

const NAME = "LlmModel";
const OUTPUTS = {
  modelName: undefined,
  serviceName: undefined,
  namespace: undefined,
  endpoint: undefined,
  estimatedMemory: undefined,
  fits: undefined,
};

/** One of them is there. */
interface Children {
  readonly model: Model | undefined;
  readonly service: InferenceService | undefined;
}

interface Made extends Children {
  /** Name of the Model, which another component may have made. */
  readonly modelName: pulumi.Input<string>;
  readonly namespace: pulumi.Input<string>;
  readonly specs: Parameters<typeof memoryOutputs>[2];
}

// These are not fields, because Pulumi's schema inference takes every field, even a private one, for an output, and
// resources cannot be outputs.
const children = new WeakMap<LlmModel, Children>();

/**
 * A large language model that stays inside a memory budget on Apple silicon. The component creates a Model, unless
 * modelRef names one, and if serving is given an InferenceService, both of inference.llmkube.dev/v1alpha1.
 *
 * Pulumi hands the options parent, provider, providers, protect, aliases and transforms on to both. It does not hand
 * ignoreChanges, replaceOnChanges, customTimeouts and additionalSecretOutputs on: a transform sets them, for example
 * ignoreChanges with spec.hardware.memoryBudget for the Model. What passes a transform is no secret any more. A component
 * with another name in the program needs aliases: without them its model is created before the former one is deleted.
 */
export class LlmModel extends pulumi.ComponentResource {
  /** Name of the Model. */
  declare readonly modelName: pulumi.Output<string>;

  /** Name of the InferenceService; undefined if the model is not served. */
  declare readonly serviceName: pulumi.Output<string | undefined>;

  /** Namespace of both resources. */
  declare readonly namespace: pulumi.Output<string>;

  /**
   * Base URL of the OpenAI-compatible API, for example http://127.0.0.1:8080/v1, which is that of the gateway where one is
   * given; undefined if the model is not served.
   */
  declare readonly endpoint: pulumi.Output<string | undefined>;

  /** The memory that the model needs; undefined without the argument estimate, and where it cannot be told. */
  declare readonly estimatedMemory: pulumi.Output<EstimatedMemory | undefined>;

  /**
   * Whether the model fits its budget and, with hostMemory, its Mac; undefined without the argument estimate, and where
   * the budget is a share of a memory that is not known.
   */
  declare readonly fits: pulumi.Output<boolean | undefined>;

  /**
   * Finds the source of a model on Hugging Face by its quantization: see {@link huggingFaceSource}.
   * @param repository org/repo
   */
  static fromHuggingFace(repository: pulumi.Input<string>, args?: HuggingFaceArgs): pulumi.Output<string> {
    return huggingFaceSource(repository, args);
  }

  constructor(name: string, args: LlmModelArgs, opts?: pulumi.ComponentResourceOptions) {
    // With a URN an existing component is read: Pulumi fills in the outputs, and nothing is created.
    super(componentType(NAME), name, opts?.urn === undefined ? shownOf(args) : OUTPUTS, withFormerType(NAME, opts));
    if (opts?.urn !== undefined) return;

    const refuse = (problem: string): never => {
      throw refusalOf(this, `LlmModel ${name}: ${problem}`);
    };
    const checked = checkedArgs(name, args, refuse);
    const made = childrenOf(this, name, checked, refuse);
    const { model, service } = made;
    children.set(this, { model, service });

    this.modelName = model?.metadata.name ?? pulumi.output(made.modelName);
    this.namespace = (model ?? service)?.metadata.namespace ?? pulumi.output(made.namespace);
    this.serviceName = pulumi.output(service?.metadata.name);
    this.endpoint = pulumi.output(service && endpointAt(this, service, checked, refuse));
    const { estimatedMemory, fits } = memoryOutputs(this, checked, made.specs);
    this.estimatedMemory = estimatedMemory;
    this.fits = fits;
    const { modelName, serviceName, namespace, endpoint } = this;
    this.registerOutputs({ modelName, serviceName, namespace, endpoint, estimatedMemory, fits });
  }

  /** The Model; undefined with modelRef, or if the component was read by its URN. */
  get model(): Model | undefined {
    return children.get(this)?.model;
  }

  /** The InferenceService; undefined if the model is not served, or if the component was read by its URN. */
  get service(): InferenceService | undefined {
    return children.get(this)?.service;
  }
}

/** By these policies begin to read the headers of all models, before the first Model is registered. */
function shownOf(args: LlmModelArgs): Record<string, unknown> {
  return plainTexts(args, ["source", "mmproj"]);
}

/** Each is deleted before another takes its place: no Mac has room for a big model twice. */
function childrenOf(component: LlmModel, name: string, args: CheckedArgs, refuse: Refuse): Made {
  const { source, modelRef, serving } = args;
  const opts = { parent: component, deleteBeforeReplace: true };
  const namespace = withDefault(args.namespace, DEFAULT_NAMESPACE);
  const kinds = { model: modelRef === undefined, service: serving !== undefined };
  const names = claimed(component, namesOf(args.name, namespace, kinds), refuse);
  const metadata = {
    name: pulumi.all([args.name, names]).apply(([known]) => known),
    namespace,
    ...(args.labels !== undefined && { labels: args.labels }),
    ...(args.annotations !== undefined && { annotations: args.annotations }),
  };
  const modelName = modelRef ?? metadata.name;
  const annotated = annotationsOfService(args);
  const specs = {
    ...annotated,
    model: source === undefined ? undefined : merged(modelSpec({ ...args, source }), args.modelSpec),
    service: serving && merged(serviceSpec(modelName, serving), args.serviceSpec),
  };
  const model = specs.model && new Model(name, { metadata, spec: specs.model }, opts);
  const ofService = { ...metadata, ...annotated };
  const after = model === undefined ? opts : { ...opts, dependsOn: model };
  const service = specs.service && new InferenceService(name, { metadata: ofService, spec: specs.service }, after);
  return { model, service, modelName, namespace, specs };
}

/** Those that stand for arguments, under those that the program gives itself. */
function annotationsOfService({ serving = {}, gateway, annotations, waitForReady, readyTimeoutSeconds }: CheckedArgs) {
  const own = [waitAnnotations(waitForReady, readyTimeoutSeconds), onDemandAnnotations(serving, gateway), annotations];
  const given = own.filter((some) => some !== undefined);
  return given.length > 0 ? { annotations: given.reduce(merged) } : {};
}

/** What no other model of the provider may have. */
function namesOf(
  name: pulumi.Input<string>,
  namespace: pulumi.Input<string>,
  made: { readonly model: boolean; readonly service: boolean },
) {
  return pulumi
    .all([name, namespace])
    .apply(([known, within]) => [
      ...(made.model ? [objectClaim("Model", within, known)] : []),
      ...(made.service ? [objectClaim("InferenceService", within, known), serviceClaim(within, known)] : []),
    ]);
}

function endpointAt(
  component: LlmModel,
  { metadata: { name, namespace } }: InferenceService,
  { serving, endpointHost, gateway }: CheckedArgs,
  refuse: Refuse,
): pulumi.Output<string> {
  const { port, replicas } = serving ?? {};
  return endpointOf(component, { name, namespace, host: endpointHost, port, replicas, gateway }, refuse);
}

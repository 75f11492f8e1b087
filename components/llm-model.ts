import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_NAMESPACE } from "../api/constants.ts";
import { objectClaim, serviceClaim } from "../serving/claims.ts";
import type { LlmModelArgs } from "./args.ts";
import type { Refuse } from "./check.ts";
import { type CheckedArgs, checkedArgs } from "./checked-args.ts";
import { claimed } from "./claims.ts";
import { endpointOf } from "./endpoint.ts";
import { componentType, withFormerType } from "./package-name.ts";
import { refusalOf } from "./refusal.ts";
import { InferenceService, Model } from "./resources.ts";
import { modelSpec, serviceSpec } from "./specs.ts";
import { withDefault } from "./unknown.ts";

const NAME = "LlmModel";
const OUTPUTS = { modelName: undefined, serviceName: undefined, namespace: undefined, endpoint: undefined };

interface Children {
  readonly model: Model;
  readonly service: InferenceService | undefined;
}

// These are not fields, because Pulumi's schema inference takes every field, even a private one, for an output, and
// resources cannot be outputs.
const children = new WeakMap<LlmModel, Children>();

/**
 * A large language model that stays inside a memory budget on Apple silicon. The component creates a Model and, if
 * serving is given, an InferenceService, both of inference.llmkube.dev/v1alpha1.
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
   * Base URL of the OpenAI-compatible API, for example http://127.0.0.1:8080/v1; undefined if the model is not served.
   */
  declare readonly endpoint: pulumi.Output<string | undefined>;

  constructor(name: string, args: LlmModelArgs, opts?: pulumi.ComponentResourceOptions) {
    // With a URN an existing component is read: Pulumi fills in the outputs, and nothing is created.
    super(componentType(NAME), name, opts?.urn === undefined ? {} : OUTPUTS, withFormerType(NAME, opts));
    if (opts?.urn !== undefined) return;

    const refuse = (problem: string): never => {
      throw refusalOf(this, `LlmModel ${name}: ${problem}`);
    };
    const checked = checkedArgs(name, args, refuse);
    const made = childrenOf(this, name, checked, refuse);
    children.set(this, made);

    this.modelName = made.model.metadata.name;
    this.namespace = made.model.metadata.namespace;
    this.serviceName = pulumi.output(made.service?.metadata.name);
    this.endpoint = pulumi.output(made.service && endpointAt(this, made.service, checked, refuse));
    const { modelName, serviceName, namespace, endpoint } = this;
    this.registerOutputs({ modelName, serviceName, namespace, endpoint });
  }

  /** The Model; undefined if the component was read by its URN. */
  get model(): Model | undefined {
    return children.get(this)?.model;
  }

  /** The InferenceService; undefined if the model is not served, or if the component was read by its URN. */
  get service(): InferenceService | undefined {
    return children.get(this)?.service;
  }
}

/** Each is deleted before another takes its place: no Mac has room for a big model twice. */
function childrenOf(component: LlmModel, name: string, args: CheckedArgs, refuse: Refuse): Children {
  const { serving } = args;
  const opts = { parent: component, deleteBeforeReplace: true };
  const namespace = withDefault(args.namespace, DEFAULT_NAMESPACE);
  const names = claimed(component, namesOf(args.name, namespace, serving !== undefined), refuse);
  const metadata = {
    name: pulumi.all([args.name, names]).apply(([known]) => known),
    namespace,
    ...(args.labels !== undefined && { labels: args.labels }),
    ...(args.annotations !== undefined && { annotations: args.annotations }),
  };
  const model = new Model(name, { metadata, spec: modelSpec(args) }, opts);
  const spec = serving && serviceSpec(metadata.name, serving);
  const service = spec && new InferenceService(name, { metadata, spec }, { ...opts, dependsOn: model });
  return { model, service };
}

/** What no other model of the provider may have. */
function namesOf(name: pulumi.Input<string>, namespace: pulumi.Input<string>, isServed: boolean) {
  return pulumi
    .all([name, namespace])
    .apply(([known, within]) => [
      objectClaim("Model", within, known),
      ...(isServed ? [objectClaim("InferenceService", within, known), serviceClaim(within, known)] : []),
    ]);
}

function endpointAt(
  component: LlmModel,
  { metadata: { name, namespace } }: InferenceService,
  { serving, endpointHost }: CheckedArgs,
  refuse: Refuse,
): pulumi.Output<string> {
  const { port, replicas } = serving ?? {};
  return endpointOf(component, { name, namespace, host: endpointHost, port, replicas }, refuse);
}

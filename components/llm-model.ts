import * as pulumi from "@pulumi/pulumi";
import { DEFAULT_NAMESPACE, DEFAULT_PORT } from "../api/constants.ts";
import type { LlmModelArgs } from "./args.ts";
import { checkedArgs } from "./check.ts";
import { componentType, withFormerType } from "./package-name.ts";
import { InferenceService, Model } from "./resources.ts";
import { modelSpec, serviceSpec } from "./specs.ts";

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

    const checked = checkedArgs({ ...args, name: args?.name ?? name }, (problem) => {
      throw new pulumi.ResourceError(`LlmModel ${name}: ${problem}`, this, true);
    });
    const metadata = metadataOf(checked, name);
    const model = new Model(name, { metadata, spec: modelSpec(checked) }, { parent: this });
    const service =
      checked.serving &&
      new InferenceService(
        name,
        { metadata, spec: serviceSpec(metadata.name, checked.serving) },
        { parent: this, dependsOn: model },
      );
    children.set(this, { model, service });

    this.modelName = model.metadata.name;
    this.namespace = model.metadata.namespace;
    this.serviceName = pulumi.output(service?.metadata.name);
    this.endpoint = pulumi.output(service && endpointOf(checked, service));
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

function metadataOf(args: LlmModelArgs, name: string) {
  return {
    name: args.name ?? name,
    namespace: args.namespace ?? DEFAULT_NAMESPACE,
    ...(args.labels !== undefined && { labels: args.labels }),
    ...(args.annotations !== undefined && { annotations: args.annotations }),
  };
}

function endpointOf({ endpointHost, serving }: LlmModelArgs, service: InferenceService): pulumi.Output<string> {
  const port = serving?.port ?? DEFAULT_PORT;
  const { name, namespace } = service.metadata;
  return pulumi.interpolate`http://${endpointHost ?? pulumi.interpolate`${name}.${namespace}.svc.cluster.local`}:${port}/v1`;
}

import * as pulumi from "@pulumi/pulumi";
import { SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { controllerManifests } from "../../cluster/controller.ts";
import { CONTROLLER } from "../../cluster/names.ts";
import { checked, schemaProblem } from "../inputs/check.ts";
import { componentType, withFormerType } from "../package-name.ts";
import type { LlmControllerArgs } from "./fleet-args.ts";
import { llmControllerArgsSchema } from "./fleet-args-schema.ts";
import { resourcesOf } from "./objects.ts";

const NAME = "LlmController";
const OUTPUTS = { namespace: undefined, serviceAccountName: undefined };

/**
 * What a cluster needs for models on Macs: definitions, priority classes, admission policies, rights, and the controller
 * that makes a Deployment of each InferenceService. One for a cluster.
 */
export class LlmController extends pulumi.ComponentResource {
  /** Namespace of the controller. As the namespace of LlmNode it makes the Macs wait for what they need. */
  declare readonly namespace: pulumi.Output<string>;

  /** Name of the controller's ServiceAccount, the only user that may make Deployments of models. */
  declare readonly serviceAccountName: pulumi.Output<string>;

  constructor(name: string, args: LlmControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    // With a URN an existing component is read: Pulumi fills in the outputs, and nothing is created.
    super(componentType(NAME), name, opts?.urn === undefined ? {} : OUTPUTS, withFormerType(NAME, opts));
    if (opts?.urn !== undefined) return;

    const {
      image,
      namespace = SYSTEM_NAMESPACE,
      replicas,
      customResourceDefinitions: crds,
    } = this.#checked(name, args);
    const shape = controllerManifests({ crds, ...(image !== undefined && { image: "" }) });
    // The rest does not wait for an image that is yet to be built.
    const base = pulumi.output(namespace).apply((known) => controllerManifests({ crds, namespace: known }));
    const whole = pulumi
      .output({ image, namespace, replicas })
      .apply((known) => controllerManifests({ crds, ...known }));
    const made = resourcesOf(name, shape, ({ kind }) => (kind === "Deployment" ? whole : base), this);

    this.namespace = pulumi.all([namespace, made.map(({ id }) => id)]).apply(([known]) => known);
    this.serviceAccountName = pulumi.output(CONTROLLER);
    this.registerOutputs({ namespace: this.namespace, serviceAccountName: this.serviceAccountName });
  }

  #checked(name: string, args: LlmControllerArgs): LlmControllerArgs {
    return checked(
      args ?? {},
      (known, missing) => schemaProblem(llmControllerArgsSchema, known, missing),
      (problem) => {
        throw new pulumi.ResourceError(`LlmController ${name}: ${problem}`, this, true);
      },
    );
  }
}

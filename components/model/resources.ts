import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { GROUP_VERSION } from "../../api/constants.ts";
import type { InferenceServiceSpec } from "../generated/inference-service-spec.ts";
import type { ModelSpec } from "../generated/model-spec.ts";
import type { InputOf } from "./specs.ts";

export interface ModelArgs {
  metadata: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta>;
  spec: InputOf<ModelSpec>;
}

/** A Model of inference.llmkube.dev/v1alpha1: the weights of a model, and the memory that it may use. */
export class Model extends k8s.apiextensions.CustomResource {
  /** The type token that policies see. */
  static readonly __pulumiType: string = `kubernetes:${GROUP_VERSION}:Model`;

  constructor(name: string, args: ModelArgs, opts?: pulumi.CustomResourceOptions) {
    super(name, { apiVersion: GROUP_VERSION, kind: "Model", ...args }, opts);
  }
}

export interface InferenceServiceArgs {
  metadata: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta>;
  spec: InputOf<InferenceServiceSpec>;
}

/** An InferenceService of inference.llmkube.dev/v1alpha1: it serves a Model of the same namespace. */
export class InferenceService extends k8s.apiextensions.CustomResource {
  /** The type token that policies see. */
  static readonly __pulumiType: string = `kubernetes:${GROUP_VERSION}:InferenceService`;

  constructor(name: string, args: InferenceServiceArgs, opts?: pulumi.CustomResourceOptions) {
    super(name, { apiVersion: GROUP_VERSION, kind: "InferenceService", ...args }, opts);
  }
}

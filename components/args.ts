import type * as pulumi from "@pulumi/pulumi";
import type { Accelerator, CacheType, Priority, WeightsFormat } from "./enums.ts";

// Pulumi infers the schema for other languages from these interfaces and their comments: no unions, no inline objects, no links.

/** A model, the memory it may have, and how it is served. */
export interface LlmModelArgs {
  /**
   * Where the weights are: hf://org/repo/file.gguf (a revision, where wanted, follows the repo after an at sign), https://,
   * http://, file://, s3://, pvc://, or an absolute path on the Mac that serves them.
   */
  source: pulumi.Input<string>;

  /** SHA-256 of the weights in 64 hexadecimal digits; weights that do not match are not served. */
  sha256?: pulumi.Input<string>;

  /**
   * File format of the weights; gguf where not set, which is the one that can be checked before anything runs.
   * @default gguf
   */
  format?: pulumi.Input<WeightsFormat>;

  /** Quantization of the weights, for example Q4_K_M; for people, not checked. */
  quantization?: pulumi.Input<string>;

  /** Projector that lets the model see images or hear sound, located as source is; it counts against the budget. */
  mmproj?: pulumi.Input<string>;

  /**
   * Memory that the model may use on a Mac, all of it counted: weights, context and buffers. A Kubernetes quantity of bytes
   * above 0, for example 24Gi or 512Mi. Wins over memoryFraction.
   */
  memoryBudget?: pulumi.Input<string>;

  /**
   * Share of the Mac's physical memory that the model may use, above 0 and at most 1. Where neither this nor memoryBudget is
   * set, the agent's own share counts: 0.67 up to 36 GiB of memory, 0.75 above.
   */
  memoryFraction?: pulumi.Input<number>;

  /**
   * Where the model computes; metal, the GPU of a Mac, where not set.
   * @default metal
   */
  accelerator?: pulumi.Input<Accelerator>;

  /**
   * Layers to keep on the GPU, from -1; -1 and where not set: all of them.
   * @default -1
   */
  gpuLayers?: pulumi.Input<number>;

  /** How the model is served. Left out: a Model alone, which nothing serves. Empty: served with the defaults. */
  serving?: ServingArgs;

  /**
   * Name of the Kubernetes resources: lower case letters, digits, - and . only; the name of the component where not set.
   * @default name of the component
   */
  name?: pulumi.Input<string>;

  /**
   * Namespace of the Kubernetes resources; default where not set.
   * @default default
   */
  namespace?: pulumi.Input<string>;

  /** Labels of both Kubernetes resources. */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /** Annotations of both Kubernetes resources. */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /**
   * Host part of the endpoint that the component puts out; NAME.NAMESPACE.svc.cluster.local where not set. Use 127.0.0.1 where
   * an agent on the same machine reads rendered manifests. It moves nothing: where a server listens is the agent's to decide.
   * @default NAME.NAMESPACE.svc.cluster.local
   */
  endpointHost?: pulumi.Input<string>;
}

/** How a model is served: settings of the server and of the service around it. */
export interface ServingArgs {
  /**
   * Context of the whole server in tokens, shared by its slots, from 128 to 2097152; 2048 where not set.
   * @default 2048
   */
  contextSize?: pulumi.Input<number>;

  /**
   * Requests answered at once, from 1 to 64; each slot gets an equal part of contextSize. 1 where not set.
   * @default 1
   */
  parallelSlots?: pulumi.Input<number>;

  /**
   * Type of the keys in the KV cache; f16 where not set.
   * @default f16
   */
  cacheTypeK?: pulumi.Input<CacheType>;

  /**
   * Type of the values in the KV cache; f16 where not set. A quantized one needs flash attention.
   * @default f16
   */
  cacheTypeV?: pulumi.Input<CacheType>;

  /**
   * Flash attention: less memory for computing. On unless false.
   * @default true
   */
  flashAttention?: pulumi.Input<boolean>;

  /**
   * Tokens in a batch of a prompt, from 1 to 16384; 2048 where not set.
   * @default 2048
   */
  batchSize?: pulumi.Input<number>;

  /**
   * Tokens computed in one go, from 1; 512 where not set.
   * @default 512
   */
  uBatchSize?: pulumi.Input<number>;

  /**
   * Servers to run, each on a Mac of its own, from 0 to 10; 0 stops all. 1 where not set.
   * @default 1
   */
  replicas?: pulumi.Input<number>;

  /**
   * Who gives way when memory is short: lower priorities are evicted first; normal where not set.
   * @default normal
   */
  priority?: pulumi.Input<Priority>;

  /**
   * Whether the service is never evicted for want of memory.
   * @default false
   */
  evictionProtection?: pulumi.Input<boolean>;

  /**
   * Port of the service, from 1 to 65535; 8080 where not set.
   * @default 8080
   */
  port?: pulumi.Input<number>;

  /**
   * Name of a Model in the same namespace that guesses tokens ahead, which makes answers faster: a smaller one with the same
   * vocabulary, for example modelName of another component without serving. It counts against the budget of this model.
   */
  draftModel?: pulumi.Input<string>;

  /**
   * Tokens that draftModel guesses ahead, from 1; 3 where not set.
   * @default 3
   */
  draftTokens?: pulumi.Input<number>;

  /** Whether the model's own chat template is used, which tool calls need. */
  jinja?: pulumi.Input<boolean>;

  /**
   * More arguments for the server, for example --temp and 0.7 as two items. Only those that leave memory and network alone are
   * accepted.
   */
  extraArgs?: pulumi.Input<pulumi.Input<string>[]>;
}

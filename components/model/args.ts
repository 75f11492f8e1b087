import type * as pulumi from "@pulumi/pulumi";
import type { Accelerator, CacheType, Priority, WeightsFormat } from "./enums.ts";

// Pulumi infers the schema for other languages from these interfaces and their comments. It understands no unions, no
// inline objects and no links.

/** A model, the memory that it may use, and how it is served. */
export interface LlmModelArgs {
  /**
   * Location of the weights: hf://org/repo/file.gguf (a revision may follow the repo after an at sign), https://,
   * http://, file://, s3://, pvc://, or an absolute path on the Mac that serves them. Either this or modelRef is given.
   */
  source?: pulumi.Input<string>;

  /**
   * Name of a Model in the same namespace that is served in place of a new one, for example modelName of another
   * component: several services on one Model. The arguments of the Model (its source, format, budget and hardware) are
   * given where it is made.
   */
  modelRef?: pulumi.Input<string>;

  /** SHA-256 of the weights, in 64 hexadecimal digits. Weights that do not match are not served. */
  sha256?: pulumi.Input<string>;

  /**
   * File format of the weights. Defaults to gguf, the only format that can be checked before anything runs.
   * @default gguf
   */
  format?: pulumi.Input<WeightsFormat>;

  /** Quantization of the weights, for example Q4_K_M. It is informational and is not checked. */
  quantization?: pulumi.Input<string>;

  /**
   * Location of the multimodal projector for images or sound; it takes the same forms as source. It counts against the
   * budget.
   */
  mmproj?: pulumi.Input<string>;

  /**
   * The most memory that the model may use on a Mac. Weights, KV cache and buffers all count. It is a Kubernetes
   * quantity of bytes above 0, for example 24Gi or 512Mi, and takes precedence over memoryFraction.
   */
  memoryBudget?: pulumi.Input<string>;

  /**
   * The share of the Mac's physical memory that the model may use, above 0 and at most 1. If neither this nor
   * memoryBudget is set, the agent's default applies: 0.67 on a Mac with up to 36 GiB of memory, 0.75 on a larger one.
   */
  memoryFraction?: pulumi.Input<number>;

  /**
   * The hardware that the model runs on. Defaults to metal, the GPU of a Mac.
   * @default metal
   */
  accelerator?: pulumi.Input<Accelerator>;

  /**
   * Number of layers to keep on the GPU. Defaults to -1, which means all layers.
   * @default -1
   */
  gpuLayers?: pulumi.Input<number>;

  /**
   * How the model is served. An empty object serves it with the defaults. Without it the component creates a Model
   * only, which nothing serves. An output must not turn out to be null.
   */
  serving?: pulumi.Input<Serving>;

  /**
   * Fields of the spec of the Model for which there is no argument, for example refreshPolicy or sourceSecretRef. They
   * are merged last, at whatever depth, and win over arguments; a list takes the place of a list. The merged spec is
   * checked like everything else.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the schema for other languages has no other type for any JSON
  modelSpec?: pulumi.Input<Record<string, any>>;

  /**
   * Fields of the spec of the InferenceService for which there is no argument, for example nodeSelector or suspend. They
   * are merged as those of modelSpec are.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the schema for other languages has no other type for any JSON
  serviceSpec?: pulumi.Input<Record<string, any>>;

  /**
   * Whether to estimate the memory that the model needs, for the outputs estimatedMemory and fits. It reads the header of
   * the weights at each preview and update, from this machine. Where that fails, the program goes on with a warning.
   * Defaults to false.
   * @default false
   */
  estimate?: pulumi.Input<boolean>;

  /**
   * Physical memory of the Mac that is to serve the model, for the output fits only: a Kubernetes quantity of bytes, for
   * example 128Gi. Without it a budget that is a share of the memory cannot be judged.
   */
  hostMemory?: pulumi.Input<string>;

  /**
   * Whether to wait until all replicas answer before the component counts as created or updated. It needs the controller
   * of this package, and means nothing where manifests are rendered to a directory. Defaults to false.
   * @default false
   */
  waitForReady?: pulumi.Input<boolean>;

  /**
   * How long to wait with waitForReady, in seconds, from 1 to 86400. Defaults to 1800, because the weights may have to be
   * downloaded first.
   * @default 1800
   */
  readyTimeoutSeconds?: pulumi.Input<number>;

  /**
   * Name of the Kubernetes resources: lower case letters, digits, - and . only; at most 253 characters, with serving 63.
   * No other model of the same provider and namespace may have it. Another name or namespace deletes the resources before
   * it creates new ones, so that no Mac needs room for the model twice. Defaults to the name of the component.
   * @default name of the component
   */
  name?: pulumi.Input<string>;

  /**
   * Namespace of the Kubernetes resources. Defaults to default.
   * @default default
   */
  namespace?: pulumi.Input<string>;

  /** Labels of both Kubernetes resources. */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /** Annotations of both Kubernetes resources. */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /**
   * Host in the output endpoint: a name or an IP address alone, without port (that is serving.port). Output only; it does
   * not change where the server listens. Use 127.0.0.1 if an agent on the same machine reads the rendered manifests. No
   * other model of the same provider may have the same host and port. Defaults to the name of the Service in a cluster,
   * NAME.NAMESPACE.svc.cluster.local, with dashes for the dots of NAME.
   * @default NAME.NAMESPACE.svc.cluster.local
   */
  endpointHost?: pulumi.Input<string>;

  /**
   * Where clients reach the gateway of the Mac, which its agent has with --gateway: HOST:PORT, or an origin such as
   * https://llm.example.com. The output endpoint is that of the gateway then, the same for all models behind it, and
   * endpointHost is not set. A service that names no port gets one from the agent. It starts no gateway.
   */
  gateway?: pulumi.Input<string>;
}

/** How a model is served: settings of the server and of the service around it. */
export interface Serving {
  /**
   * Context window of the server in tokens, which all slots share, from 128 to 2097152. Defaults to 2048.
   * @default 2048
   */
  contextSize?: pulumi.Input<number>;

  /**
   * Number of requests that are answered at the same time, from 1 to 64. Each slot gets an equal part of contextSize.
   * Defaults to 1.
   * @default 1
   */
  parallelSlots?: pulumi.Input<number>;

  /**
   * Quantization of the keys in the KV cache. Defaults to f16.
   * @default f16
   */
  cacheTypeK?: pulumi.Input<CacheType>;

  /**
   * Quantization of the values in the KV cache. Defaults to f16; any type smaller than f16 needs flash attention.
   * @default f16
   */
  cacheTypeV?: pulumi.Input<CacheType>;

  /**
   * Whether to use flash attention, which needs less memory. Defaults to true.
   * @default true
   */
  flashAttention?: pulumi.Input<boolean>;

  /**
   * Logical batch size for prompt processing, in tokens, from 1 to 16384. Defaults to 2048.
   * @default 2048
   */
  batchSize?: pulumi.Input<number>;

  /**
   * Physical batch size, in tokens: how many are computed at once, from 1 to batchSize. Defaults to 512.
   * @default 512
   */
  uBatchSize?: pulumi.Input<number>;

  /**
   * Number of servers to run, each on a different Mac, from 0 to 10; 0 stops all of them. Defaults to 1.
   * @default 1
   */
  replicas?: pulumi.Input<number>;

  /**
   * Priority of the service. When memory is short, lower priorities are evicted first. Defaults to normal.
   * @default normal
   */
  priority?: pulumi.Input<Priority>;

  /**
   * Whether the service is protected from eviction when memory is short. Defaults to false.
   * @default false
   */
  evictionProtection?: pulumi.Input<boolean>;

  /**
   * Port of the service, from 1 to 65535. Defaults to 8080.
   * @default 8080
   */
  port?: pulumi.Input<number>;

  /**
   * Draft model for speculative decoding, which makes answers faster: the name of a Model in the same namespace. It
   * must be a smaller model with the same vocabulary, for example modelName of another component without serving. It
   * counts against the budget of this model.
   */
  draftModel?: pulumi.Input<string>;

  /**
   * The most tokens that the draft model drafts at a time, at least 1. Defaults to 3.
   * @default 3
   */
  draftTokens?: pulumi.Input<number>;

  /** Whether to use the chat template of the model. Tool calls need it. */
  jinja?: pulumi.Input<boolean>;

  /**
   * Further arguments for the server, for example --temp and 0.7 as two items. Only arguments are accepted that change
   * neither its memory nor its network exposure.
   */
  extraArgs?: pulumi.Input<pulumi.Input<string>[]>;

  /**
   * How long the model stays in memory after its last request through the gateway of its Mac: a duration from 1s to 24h
   * such as 10m, or never. The next request loads it again. A service with evictionProtection and a pod of a cluster stay
   * in memory. Defaults to what the agent's --idle-unload says.
   */
  idleUnload?: pulumi.Input<string>;

  /**
   * Further names by which clients of the gateway ask for the model, at most 16, each of 1 to 128 letters, digits and
   * . _ : @ / -, for example gpt-4o. No other model of the Mac may have one of them.
   */
  aliases?: pulumi.Input<pulumi.Input<string>[]>;

  /**
   * Memory for prompts that were read before, so that they need not be read again: auto for what the budget leaves above
   * the need of the model, off, or a Kubernetes quantity of at least 1Mi such as 2Gi, which counts against the budget.
   * Defaults to off.
   * @default off
   */
  promptCache?: pulumi.Input<string>;

  /**
   * Whether the agent may keep conversations on the Mac's disk while the model is unloaded, so that they need not be read
   * again: auto for what the agent's --saved-slots says, or off. What is kept is a copy of prompts and answers. Defaults
   * to auto.
   * @default auto
   */
  savedSlots?: pulumi.Input<string>;
}

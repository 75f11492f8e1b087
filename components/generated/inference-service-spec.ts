// Generated from api/ by `npm run generate`; do not edit.

/**
 * The desired state of the service.
 */
export interface InferenceServiceSpec {
  /**
   * The name of the Model to serve. It must be in the same namespace.
   */
  modelRef: string;
  /**
   * The program that serves the model. On Metal it must be llamacpp, which is llama-server.
   */
  runtime?: "llamacpp" | "llamacpp-router" | "personaplex" | "vllm" | "tgi" | "sglang" | "generic";
  /**
   * The kind of requests that the server answers. Defaults to chat.
   */
  mode?: "chat" | "embedding" | "rerank";
  /**
   * The context window of the server in tokens, which all slots share. Defaults to 2048.
   */
  contextSize?: number;
  /**
   * RoPE scaling: extends the context window beyond the one that the model was trained with.
   */
  ropeScaling?: {
    /**
     * The method of RoPE scaling.
     */
    type: "linear" | "yarn" | "longrope";
    /**
     * The factor by which the context window is extended.
     */
    factor?: string;
    /**
     * The context window that the model was trained with, in tokens.
     */
    originalContext?: number;
  };
  /**
   * The number of requests that are answered at the same time. Each slot gets an equal part of contextSize. Defaults to 1.
   */
  parallelSlots?: number;
  /**
   * Whether to use flash attention. It needs less memory, and a quantized V cache needs it. Defaults to true.
   */
  flashAttention?: boolean;
  /**
   * Whether to use the chat template of the model. Tool calls need it.
   */
  jinja?: boolean;
  /**
   * The quantization of the keys in the KV cache. Defaults to f16.
   */
  cacheTypeK?: "f16" | "f32" | "q8_0" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "iq4_nl";
  /**
   * The quantization of the values in the KV cache. Defaults to f16.
   */
  cacheTypeV?: "f16" | "f32" | "q8_0" | "q4_0" | "q4_1" | "q5_0" | "q5_1" | "iq4_nl";
  /**
   * The quantization of the keys, for a type that cacheTypeK does not list.
   */
  cacheTypeCustomK?: string;
  /**
   * The quantization of the values, for a type that cacheTypeV does not list.
   */
  cacheTypeCustomV?: string;
  /**
   * The logical batch size for prompt processing, in tokens. Defaults to 2048.
   */
  batchSize?: number;
  /**
   * The physical batch size, in tokens: how many are computed at once. Defaults to 512.
   */
  uBatchSize?: number;
  /**
   * Whether the CPU computes the experts of all layers (mixture of experts).
   */
  moeCPUOffload?: boolean;
  /**
   * The number of first layers whose experts the CPU computes (mixture of experts).
   */
  moeCPULayers?: number;
  /**
   * Whether to keep the KV cache off the GPU. Not supported on Metal, where the CPU and the GPU share their memory.
   */
  noKvOffload?: boolean;
  /**
   * Whether to skip the warm-up run after the model is loaded.
   */
  noWarmup?: boolean;
  /**
   * Speculative decoding: drafts tokens ahead, to answer faster.
   */
  speculativeDecoding?: {
    /**
     * The method of speculative decoding.
     */
    type:
      | "none"
      | "disabled"
      | "mtp"
      | "draft"
      | "draft-simple"
      | "draft-eagle3"
      | "draft-mtp"
      | "draft-dflash"
      | "draft-dspark"
      | "ngram-simple"
      | "ngram-map-k"
      | "ngram-map-k4v"
      | "ngram-mod"
      | "ngram-cache";
    /**
     * The name of the Model to use as the draft model. It must be in the same namespace.
     */
    draftModelRef?: string;
    /**
     * The draft model, by the name under which the runtime knows it.
     */
    draftModel?: string;
    /**
     * The most tokens to draft at a time.
     */
    nDraftMax?: number;
    /**
     * The probability below which drafting stops.
     */
    pMin?: number;
  };
  /**
   * The most tokens that the model may spend on reasoning before it answers.
   */
  reasoningBudget?: number;
  /**
   * The text that ends the reasoning when its budget is used up.
   */
  reasoningBudgetMessage?: string;
  /**
   * Values that replace those in the header of the GGUF file, as key=type:value. Not supported on Metal.
   */
  metadataOverrides?: string[];
  /**
   * Buffers to keep tensors in, as pattern=buffer. Not supported on Metal.
   */
  tensorOverrides?: string[];
  /**
   * Further arguments for the server. On Metal only arguments are accepted that change neither its memory nor its network exposure.
   */
  extraArgs?: string[];
  /**
   * The number of servers to run, each on a different node; 0 stops all of them.
   */
  replicas?: number;
  /**
   * Whether the service is stopped. The value of spec.replicas is kept for when it resumes.
   */
  suspend?: boolean;
  /**
   * The priority of the service. When memory is short, lower priorities are evicted first.
   */
  priority?: "critical" | "high" | "normal" | "low" | "batch";
  /**
   * Whether the service is protected from eviction when memory is short.
   */
  evictionProtection?: boolean;
  /**
   * The endpoint at which clients reach the model.
   */
  endpoint?: {
    /**
     * The port of the Service.
     */
    port?: number;
    /**
     * The path of the API.
     */
    path?: string;
    /**
     * The type of the Service.
     */
    type?: "ClusterIP" | "NodePort" | "LoadBalancer";
    /**
     * The port on the nodes, for type NodePort.
     */
    nodePort?: number;
    /**
     * Routing through an implementation of the Gateway API.
     */
    gateway?: {
      /**
       * Whether requests are routed through a gateway.
       */
      enabled?: boolean;
      /**
       * The Gateway to attach the route to.
       */
      gatewayRef: {
        /**
         * The name of the Gateway.
         */
        name: string;
        /**
         * The namespace of the Gateway. Defaults to the namespace of the service.
         */
        namespace?: string;
      };
      /**
       * The model name by which requests are routed.
       */
      modelName?: string;
    };
  };
  /**
   * Autoscaling: the number of replicas follows the load instead of spec.replicas.
   */
  autoscaling?: {
    /**
     * The fewest replicas.
     */
    minReplicas?: number;
    /**
     * The most replicas.
     */
    maxReplicas: number;
    /**
     * The metrics that decide the number of replicas.
     */
    metrics?: {
      /**
       * The source of the metric.
       */
      type: "Pods" | "Resource";
      /**
       * The name of the metric.
       */
      name: string;
      /**
       * The target average for each pod, for type Pods.
       */
      targetAverageValue?: string;
      /**
       * The target average utilization in percent, for type Resource.
       */
      targetAverageUtilization?: number;
    }[];
  };
  /**
   * The service level objective to alert on.
   */
  slo?: {
    /**
     * The name of the objective.
     */
    name?: string;
    /**
     * The service level indicator.
     */
    indicator?: "availability" | "latency";
    /**
     * The percentage of requests that must be good, as text.
     */
    objective: string;
    /**
     * The number of seconds within which a request counts as good, for indicator latency.
     */
    latencyThreshold?: string;
    /**
     * The time window of the objective.
     */
    window?: string;
  };
  /**
   * When an update may replace a running server.
   */
  rolloutPolicy?: {
    /**
     * Whether an update waits until no requests are running.
     */
    waitForIdle?: boolean;
    /**
     * The longest time to wait for that, in seconds.
     */
    idleTimeoutSeconds?: number;
    /**
     * Whether the update proceeds when requests are still running after that time.
     */
    force?: boolean;
  };
  /**
   * Protection from voluntary disruptions, such as a node drain.
   */
  disruption?: {
    /**
     * Whether a replica is protected from eviction while it loads the model.
     */
    protectStartup?: boolean;
    /**
     * Whether replicas are always protected from eviction.
     */
    protectAlways?: boolean;
  };
  /**
   * The number of old revisions to keep.
   */
  revisionHistoryLimit?: number;
  /**
   * The resources of one replica.
   */
  resources?: {
    /**
     * The CPU to request, for example 2 or 500m.
     */
    cpu?: string;
    /**
     * The memory to request. On Metal the estimate of the model is requested instead.
     */
    memory?: string;
    /**
     * The most memory that a container may use. Not used on Metal: see hardware.memoryBudget of the Model.
     */
    memoryLimit?: string;
    /**
     * The host memory for layers and caches that stay off the GPU. Not used on Metal.
     */
    hostMemory?: string;
    /**
     * The ephemeral storage to request.
     */
    ephemeralStorage?: string;
    /**
     * The number of GPUs for each replica. Not used on Metal: a Mac has one.
     */
    gpu?: number;
    /**
     * The memory that each GPU must have. Not used on Metal.
     */
    gpuMemory?: string;
    /**
     * How the GPU is shared with other workloads. Not used on Metal.
     */
    gpuSharing?: {
      /**
       * The way in which a GPU is shared.
       */
      mode?: "exclusive" | "shared" | "partitioned";
      /**
       * The partition to request, for mode partitioned.
       */
      profile?: string;
      /**
       * The GPU memory in GiB, for mode shared.
       */
      memoryLimitGiB?: number;
    };
  };
  /**
   * The container image. Not used on Metal, where servers run as native processes.
   */
  image?: string;
  /**
   * The Secrets for pulling the image.
   *
   * Items: The Secret for pulling the image.
   */
  imagePullSecrets?: {
    /**
     * The name of an object in the same namespace.
     */
    name?: string;
  }[];
  /**
   * The command of the container. It is never run on Metal.
   */
  command?: string[];
  /**
   * The arguments of the container. Never used on Metal: see extraArgs.
   */
  args?: string[];
  /**
   * The environment variables of the container. Not used on Metal.
   */
  env?: {
    [k: string]: unknown;
  }[];
  /**
   * The port that the container listens on.
   */
  containerPort?: number;
  /**
   * The address that the server listens on.
   */
  bindAddress?: string;
  /**
   * The labels that a node must have.
   */
  nodeSelector?: {
    [k: string]: string;
  };
  /**
   * The affinity rules of the pods.
   */
  affinity?: {
    [k: string]: unknown;
  };
  /**
   * The taints that the pods tolerate.
   */
  tolerations?: {
    [k: string]: unknown;
  }[];
  /**
   * How the replicas are spread over nodes or zones.
   */
  topologySpreadConstraints?: {
    [k: string]: unknown;
  }[];
  /**
   * The RuntimeClass of the pods. Not used on Metal.
   */
  runtimeClassName?: string;
  /**
   * The PriorityClass of the pods. It replaces the one that priority selects.
   */
  priorityClassName?: string;
  /**
   * The annotations of the pods.
   */
  podAnnotations?: {
    [k: string]: string;
  };
  /**
   * The labels of the pods.
   */
  podLabels?: {
    [k: string]: string;
  };
  /**
   * The security context of the pods.
   */
  podSecurityContext?: {
    [k: string]: unknown;
  };
  /**
   * The security context of the container.
   */
  securityContext?: {
    [k: string]: unknown;
  };
  /**
   * Probes that replace the runtime's own. Not used on Metal.
   */
  probeOverrides?: {
    /**
     * Replaces the startup probe.
     */
    startup?: {
      [k: string]: unknown;
    };
    /**
     * Replaces the liveness probe.
     */
    liveness?: {
      [k: string]: unknown;
    };
    /**
     * Replaces the readiness probe.
     */
    readiness?: {
      [k: string]: unknown;
    };
  };
  /**
   * Additional volumes. They are never mounted on Metal.
   */
  extraVolumes?: {
    [k: string]: unknown;
  }[];
  /**
   * The mount points of extraVolumes.
   */
  extraVolumeMounts?: {
    [k: string]: unknown;
  }[];
  /**
   * How the weights are cached in the cluster. Not used on Metal.
   */
  modelCache?: {
    /**
     * Whether the weights are kept after the pod is gone.
     */
    persistence?: "Cached" | "Ephemeral";
    /**
     * The name of the PersistentVolumeClaim to keep the weights in.
     */
    claimName?: string;
  };
  /**
   * Whether pods skip the init container that fetches the weights.
   */
  skipModelInit?: boolean;
  /**
   * The folder for a KV cache on disk.
   */
  pagedSSDCacheDir?: string;
  /**
   * The largest size of the KV cache on disk.
   */
  pagedSSDCacheMaxSize?: string;
  /**
   * The largest size of the KV cache in memory that is used before the one on disk.
   */
  hotCacheMaxSize?: string;
  /**
   * The number of bits of each cached value with TurboQuant. Not used on Metal.
   */
  turboQuantBits?: 3 | 6 | 8;
  /**
   * The age in seconds at which a pod is replaced.
   */
  maxPodLifetimeSeconds?: number;
  /**
   * How long a pod that is due for replacement waits for its requests to end, in seconds.
   */
  maxPodLifetimeIdleTimeoutSeconds?: number;
  /**
   * Settings for runtime vllm. Not used on Metal.
   */
  vllmConfig?: {
    /**
     * The implementation of attention.
     */
    attentionBackend?:
      "FLASH_ATTN" | "FLASHINFER" | "XFORMERS" | "flashinfer" | "flash_attn" | "xformers" | "torch_sdpa";
    /**
     * The amount of weights to keep in host memory for each GPU, in GB.
     */
    cpuOffloadGB?: number;
    /**
     * The data type of weights and activations.
     */
    dtype?: "auto" | "float16" | "bfloat16";
    /**
     * Whether long prompts are processed in chunks (chunked prefill).
     */
    enableChunkedPrefill?: boolean;
    /**
     * Whether the experts are divided among the GPUs (expert parallelism).
     */
    enableExpertParallel?: boolean;
    /**
     * Whether prompts with a common prefix share its cache (prefix caching).
     */
    enablePrefixCaching?: boolean;
    /**
     * The share of GPU memory to use.
     */
    gpuMemoryUtilization?: number;
    /**
     * The Secret with the Hugging Face token for gated weights.
     */
    hfTokenSecretRef?: {
      /**
       * The key in the data of the Secret.
       */
      key: string;
      /**
       * The name of a Secret in the same namespace.
       */
      name?: string;
      /**
       * Whether the Secret or its key may be absent.
       */
      optional?: boolean;
    };
    /**
     * The data type of the KV cache, for a type that kvCacheDtype does not list.
     */
    kvCacheCustomDtype?: string;
    /**
     * The data type of the KV cache.
     */
    kvCacheDtype?: "auto" | "fp8_e5m2" | "fp8_e4m3";
    /**
     * The longest sequence, in tokens.
     */
    maxModelLen?: number;
    /**
     * The most tokens in one batch.
     */
    maxNumBatchedTokens?: number;
    /**
     * The quantization of the weights.
     */
    quantization?: "awq" | "gptq" | "squeezellm" | "fp8" | "nvfp4" | "mxfp4" | "compressed-tensors";
    /**
     * Speculative decoding.
     */
    speculative?: {
      /**
       * Whether speculative decoding is used.
       */
      enabled?: boolean;
      /**
       * The draft model.
       */
      model?: string;
      /**
       * The number of tokens to draft at a time.
       */
      numSpeculativeTokens?: number;
    };
    /**
     * The number of GPUs that share each layer (tensor parallelism).
     */
    tensorParallelSize?: number;
  };
  /**
   * Settings for runtime sglang. Not used on Metal.
   */
  sglangConfig?: {
    /**
     * The implementation of attention.
     */
    attentionBackend?: "flashinfer" | "flash_attn" | "torch_native";
    /**
     * A chat template that replaces the model's own.
     */
    chatTemplate?: string;
    /**
     * The number of tokens in one chunk of a long prompt.
     */
    chunkedPrefillSize?: number;
    /**
     * The longest sequence, in tokens.
     */
    contextLength?: number;
    /**
     * The number of copies of the model (data parallelism).
     */
    dataParallelSize?: number;
    /**
     * Whether prompts with a common prefix share its cache (prefix caching).
     */
    enablePrefixCaching?: boolean;
    /**
     * The number of GPUs among which the experts are divided (expert parallelism).
     */
    expertParallelSize?: number;
    /**
     * The Secret with the Hugging Face token for gated weights.
     */
    hfTokenSecretRef?: {
      /**
       * The key in the data of the Secret.
       */
      key: string;
      /**
       * The name of a Secret in the same namespace.
       */
      name?: string;
      /**
       * Whether the Secret or its key may be absent.
       */
      optional?: boolean;
    };
    /**
     * The data type of the KV cache, for a type that kvCacheDtype does not list.
     */
    kvCacheCustomDtype?: string;
    /**
     * The data type of the KV cache.
     */
    kvCacheDtype?: "auto" | "fp8_e5m2" | "fp8_e4m3";
    /**
     * The log level.
     */
    logLevel?: "debug" | "info" | "warning" | "error";
    /**
     * The LoRA adapters to load, each with a name.
     */
    loraAdapters?: {
      /**
       * The name by which requests select the adapter.
       */
      name: string;
      /**
       * The path of the adapter.
       */
      path: string;
    }[];
    /**
     * The LoRA adapters to load, as name=path.
     */
    loraModules?: string[];
    /**
     * The layers that adapters may change.
     */
    loraTargetModules?: string[];
    /**
     * The largest rank of an adapter.
     */
    maxLoraRank?: number;
    /**
     * The most requests that run at the same time.
     */
    maxRunningRequests?: number;
    /**
     * The share of GPU memory for weights and KV cache.
     */
    memFractionStatic?: number;
    /**
     * The quantization of the weights.
     */
    quantization?: string;
    /**
     * The parser that separates reasoning from the answer.
     */
    reasoningParser?: "qwen3" | "deepseek-r1";
    /**
     * Whether the tokenizer is skipped, so that requests contain tokens instead of text.
     */
    skipTokenizerInit?: boolean;
    /**
     * Speculative decoding.
     */
    speculative?: {
      /**
       * The accumulated probability above which drafted tokens are accepted.
       */
      acceptThresholdAcc?: number;
      /**
       * The probability above which a single drafted token is accepted.
       */
      acceptThresholdSingle?: number;
      /**
       * The algorithm of speculative decoding.
       */
      algorithm?: "EAGLE" | "EAGLE3" | "Medusa";
      /**
       * The draft model.
       */
      draftModelPath?: string;
      /**
       * The number of branches at each step of EAGLE.
       */
      eagleTopK?: number;
      /**
       * Whether speculative decoding is used.
       */
      enabled?: boolean;
      /**
       * The number of tokens to draft at a time.
       */
      numDraftTokens?: number;
      /**
       * The number of drafting steps before the tokens are verified.
       */
      numSteps?: number;
    };
    /**
     * The number of GPUs that share each layer (tensor parallelism).
     */
    tensorParallelSize?: number;
    /**
     * The parser that reads tool calls from the answer.
     */
    toolCallParser?: "llama3" | "qwen3" | "qwen25" | "hermes" | "functionary" | "mistral";
    /**
     * Whether code that comes with the model may run.
     */
    trustRemoteCode?: boolean;
  };
  /**
   * Settings for runtime tgi. Not used on Metal.
   */
  tgiConfig?: {
    /**
     * The data type of weights and activations.
     */
    dtype?: "float16" | "bfloat16";
    /**
     * The Secret with the Hugging Face token for gated weights.
     */
    hfTokenSecretRef?: {
      /**
       * The key in the data of the Secret.
       */
      key: string;
      /**
       * The name of a Secret in the same namespace.
       */
      name?: string;
      /**
       * Whether the Secret or its key may be absent.
       */
      optional?: boolean;
    };
    /**
     * The longest prompt, in tokens.
     */
    maxInputLength?: number;
    /**
     * The longest prompt and answer together, in tokens.
     */
    maxTotalTokens?: number;
    /**
     * The quantization of the weights.
     */
    quantize?: "bitsandbytes" | "gptq" | "awq" | "eetq";
  };
  /**
   * Settings for runtime personaplex. Not used on Metal.
   */
  personaPlexConfig?: {
    /**
     * Whether weights may be kept in host memory.
     */
    cpuOffload?: boolean;
    /**
     * The Secret with the Hugging Face token for gated weights.
     */
    hfTokenSecretRef?: {
      /**
       * The key in the data of the Secret.
       */
      key: string;
      /**
       * The name of a Secret in the same namespace.
       */
      name?: string;
      /**
       * Whether the Secret or its key may be absent.
       */
      optional?: boolean;
    };
    /**
     * Whether the weights are quantized to 4 bits when they are loaded.
     */
    quantize4Bit?: boolean;
  };
}

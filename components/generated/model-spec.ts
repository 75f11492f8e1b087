// Generated from api/ by `npm run generate`; do not edit.

/**
 * The desired state of the model.
 */
export interface ModelSpec {
  /**
   * The location of the weights: a URL (https, http, file, hf, s3, pvc), an absolute path on the node, or the name of a Hugging Face repository.
   */
  source: string;
  /**
   * The SHA-256 of the weights, in hexadecimal digits. Weights that do not match are not served.
   */
  sha256?: string;
  /**
   * The Secret with the credentials for source.
   */
  sourceSecretRef?: {
    /**
     * The name of an object in the same namespace.
     */
    name?: string;
  };
  /**
   * Whether weights that are already on disk are fetched again when the source changes.
   */
  refreshPolicy?: "IfNotPresent" | "OnChange";
  /**
   * Whether to fetch the weights before anything serves them.
   */
  prefetch?: boolean;
  /**
   * The tolerations of the pods that prefetch the weights.
   */
  prefetchTolerations?: {
    [k: string]: unknown;
  }[];
  /**
   * The file format of the weights.
   */
  format?: "gguf" | "mlx" | "safetensors" | "pytorch" | "custom";
  /**
   * The quantization of the weights, for example Q4_K_M. It is informational and is not checked.
   */
  quantization?: string;
  /**
   * The files to fetch if source names a folder or a repository.
   */
  files?: string[];
  /**
   * The location of the multimodal projector that belongs to the weights. It takes the same forms as source.
   */
  mmproj?: string;
  /**
   * The resources that the model requests.
   */
  resources?: {
    /**
     * The CPU to request, for example 2 or 500m.
     */
    cpu?: string;
    /**
     * The memory to request, for example 4Gi. The limit is hardware.memoryBudget.
     */
    memory?: string;
  };
  /**
   * The hardware that the model runs on, and the memory that it may use there.
   */
  hardware?: {
    /**
     * The hardware that the model runs on; metal is the GPU of a Mac.
     */
    accelerator?: "cpu" | "metal" | "cuda" | "rocm" | "intel" | "vulkan";
    /**
     * The most memory that this model may use on a node. Weights, KV cache and buffers all count. It is a Kubernetes quantity of bytes above 0, for example 24Gi, and takes precedence over memoryFraction.
     */
    memoryBudget?: string;
    /**
     * The share of the node's memory that this model may use, above 0 and at most 1. It applies if memoryBudget is not set.
     */
    memoryFraction?: number;
    /**
     * The GPUs that the model needs.
     */
    gpu?: {
      /**
       * Whether the model needs a GPU.
       */
      enabled?: boolean;
      /**
       * The number of GPUs for each replica. Not used on Metal: a Mac has one.
       */
      count?: number;
      /**
       * Memory that each GPU must have, for example 16Gi. Not used on Metal: see memoryBudget.
       */
      memory?: string;
      /**
       * Vendor of the GPU. Not used on Metal.
       */
      vendor?: "nvidia" | "amd" | "intel";
      /**
       * The number of layers to keep on the GPU; -1 means all layers.
       */
      layers?: number;
      /**
       * Runtime to use with an AMD GPU. Not used on Metal.
       */
      runtime?: "vulkan" | "rocm";
      /**
       * Extended resource to request instead of the vendor's default. Not used on Metal.
       */
      resourceName?: string;
      /**
       * Key of the taint of GPU nodes that pods tolerate. Not used on Metal.
       */
      tolerationKey?: string;
      /**
       * Device claims to use instead of an extended resource. Not used on Metal.
       *
       * Items: A claim for a device (dynamic resource allocation).
       */
      resourceClaims?: {
        /**
         * The name of the claim within the pod.
         */
        name: string;
        /**
         * The name of an existing ResourceClaim in the same namespace.
         */
        resourceClaimName?: string;
        /**
         * The name of a ResourceClaimTemplate from which each pod gets a claim of its own.
         */
        resourceClaimTemplateName?: string;
      }[];
      /**
       * How the model is divided among several GPUs. Not used on Metal.
       */
      sharding?: {
        /**
         * How the model is divided among the GPUs.
         */
        strategy?: "layer" | "tensor" | "row" | "pipeline" | "none";
        /**
         * One range of layers for each GPU, for example 0-19.
         */
        layerSplit?: string[];
      };
    };
  };
}

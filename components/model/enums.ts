// Const objects with a type of the same name: from this shape Pulumi's schema inference makes enums for other languages.
// A test holds that the values are those of api/.

/** The hardware that a model runs on. */
export const Accelerator = {
  /** The GPU of a Mac. */
  Metal: "metal",
  Cpu: "cpu",
  Cuda: "cuda",
  Rocm: "rocm",
  Intel: "intel",
  Vulkan: "vulkan",
} as const;
export type Accelerator = (typeof Accelerator)[keyof typeof Accelerator];

/** File format of the weights. */
export const WeightsFormat = {
  Gguf: "gguf",
  Mlx: "mlx",
  Safetensors: "safetensors",
  Pytorch: "pytorch",
  Custom: "custom",
} as const;
export type WeightsFormat = (typeof WeightsFormat)[keyof typeof WeightsFormat];

/** Quantization of the KV cache, with the bytes that one element takes. */
export const CacheType = {
  /** 4 bytes. */
  F32: "f32",
  /** 2 bytes. */
  F16: "f16",
  /** 1.0625 bytes. */
  Q8_0: "q8_0",
  /** 0.75 bytes. */
  Q5_1: "q5_1",
  /** 0.6875 bytes. */
  Q5_0: "q5_0",
  /** 0.625 bytes. */
  Q4_1: "q4_1",
  /** 0.5625 bytes. */
  Q4_0: "q4_0",
  /** 0.5625 bytes. */
  IQ4_NL: "iq4_nl",
} as const;
export type CacheType = (typeof CacheType)[keyof typeof CacheType];

/** Priority of a service. When memory is short, lower priorities are evicted first: batch before low, critical last. */
export const Priority = {
  Critical: "critical",
  High: "high",
  Normal: "normal",
  Low: "low",
  Batch: "batch",
} as const;
export type Priority = (typeof Priority)[keyof typeof Priority];

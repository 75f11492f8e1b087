import type { WriterValue } from "../gguf-writer.ts";

/** A published model's hyper-parameters, from which `bench/synthetic.ts` makes a file that llama-server loads. */
export interface SyntheticShape {
  readonly architecture: string;
  /** Keys without the architecture before them. */
  readonly keys: Readonly<Record<string, WriterValue>>;
  /** Names of tensors that the loader does not insist on, but that the published files have; it says how they are shaped. */
  readonly optional?: readonly string[];
}

export type Keys = SyntheticShape["keys"];

/** `size`: layers, embedding, heads, key/value heads, feed-forward, vocabulary. */
export function shape(
  architecture: string,
  size: string,
  keys: Keys = {},
  optional: readonly string[] = [],
): SyntheticShape {
  const [layers = 0, embedding = 0, heads = 0, kvHeads = 0, feedForward = 0, vocabulary = 0] = size
    .split(" ")
    .map(Number);
  return {
    architecture,
    optional,
    keys: {
      block_count: layers,
      context_length: 131072,
      embedding_length: embedding,
      "attention.head_count": heads,
      "attention.head_count_kv": kvHeads,
      feed_forward_length: feedForward,
      vocab_size: vocabulary,
      "attention.layer_norm_rms_epsilon": real(1e-5),
      "attention.layer_norm_epsilon": real(1e-5),
      ...keys,
    },
  };
}

export function named(suffix: string, layers: number, has: (layer: number) => boolean = () => true): readonly string[] {
  return byLayer(layers, (layer) => layer)
    .filter(has)
    .map((layer) => `blk.${layer}.${suffix}`);
}

export function real(value: number): WriterValue {
  return { type: "f32", value };
}

export function reals(count: number): WriterValue {
  return { type: "array", of: "f32", value: Array<number>(count).fill(0.5) };
}

/** Experts in all, used for a token, and the width of one. */
export function experts(count: number, used: number, feedForward: number, more: Keys = {}): Keys {
  return { expert_count: count, expert_used_count: used, expert_feed_forward_length: feedForward, ...more };
}

export function head(width: number): Keys {
  return { "attention.key_length": width, "attention.value_length": width, "rope.dimension_count": width };
}

/** A value a layer, by what `of` says of its number. */
export function byLayer<T extends number | boolean>(layers: number, of: (layer: number) => T): readonly T[] {
  return Array.from({ length: layers }, (_, layer) => of(layer));
}

export function mla(queryRank: number): Keys {
  return {
    ...(queryRank > 0 && { "attention.q_lora_rank": queryRank }),
    "attention.kv_lora_rank": 512,
    "attention.key_length": 576,
    "attention.value_length": 512,
    "attention.key_length_mla": 192,
    "attention.value_length_mla": 128,
    "rope.dimension_count": 64,
  };
}

export function stateSpace(convolution: number, inner: number, state: number, rank: number, groups?: number): Keys {
  return {
    "ssm.conv_kernel": convolution,
    "ssm.inner_size": inner,
    "ssm.state_size": state,
    "ssm.time_step_rank": rank,
    ...(groups !== undefined && { "ssm.group_count": groups }),
  };
}

export const SIGMOID = { expert_gating_func: 2, expert_weights_norm: true, expert_weights_scale: real(2.5) };
export const SECTIONS = { "rope.dimension_sections": { type: "array", of: "i32", value: [24, 20, 20, 0] } } as const;

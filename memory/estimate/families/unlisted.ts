import type { Family } from "./family.ts";

/**
 * The rules for an architecture that is not in the table: full attention on every layer is an upper bound if every key
 * of the file is in {@link STANDARD_KEYS}.
 */
export const STANDARD: Family = { source: "llama-model.cpp" };

/** Keys that set widths, counts and scales from which a plain cache is computed, or on which no memory depends. */
export const STANDARD_KEYS: ReadonlySet<string> = new Set([
  ...["block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size", "hidden_activation"],
  ...["embedding_scale", "residual_scale", "logit_scale", "attn_logit_softcapping", "final_logit_softcapping"],
  ...["router_logit_softcapping", "use_parallel_residual", "tensor_data_layout", "leading_dense_block_count"],
  ...["interleave_moe_layer_step", "moe_every_n_layers"],
  ...[
    "head_count",
    "head_count_kv",
    "key_length",
    "value_length",
    "key_length_swa",
    "value_length_swa",
    "sliding_window",
  ]
    .concat("sliding_window_pattern", "layer_norm_epsilon", "layer_norm_rms_epsilon", "clamp_kqv", "max_alibi_bias")
    .concat("scale", "output_scale", "temperature_length", "temperature_scale")
    .map((key) => `attention.${key}`),
  ...["count", "used_count", "shared_count", "feed_forward_length", "shared_feed_forward_length", "group_count"]
    .concat("group_used_count", "weights_scale", "weights_norm", "gating_func")
    .map((key) => `expert_${key}`),
  ...["dimension_count", "dimension_count_swa", "dimension_sections", "freq_base", "freq_base_swa", "scale_linear"]
    .concat("scaling.type", "scaling.factor", "scaling.attn_factor", "scaling.original_context_length")
    .concat("scaling.finetuned", "scaling.yarn_log_multiplier", "scaling.yarn_ext_factor", "scaling.yarn_attn_factor")
    .concat("scaling.yarn_beta_fast", "scaling.yarn_beta_slow", "scaling.alpha")
    .map((key) => `rope.${key}`),
]);

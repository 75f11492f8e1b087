/** The tensors without which llama.cpp does not load a model of these architectures. */
export interface Needed {
  /** Architectures by their names in `general.architecture`, with spaces between. */
  readonly of: string;
  /** Tensors of the whole model, with spaces between. */
  readonly once: string;
  /** Tensors of each layer, with spaces between; `a|b` where one of them is enough. */
  readonly each: string;
  /** What the layers' names begin with; default `blk`. */
  readonly layers?: string;
}

/** Attention's projections, each for itself or all in one. */
const QKV = "attn_q|attn_qkv attn_k|attn_qkv attn_v|attn_qkv";

/**
 * What llama.cpp 0.6.0-dev (src/models/*.cpp, `load_arch_tensors`) asks for on every layer of a model, whatever its keys say: weights of
 * attention or recurrence, of the feed-forward and of their norms. Left out is what it takes or leaves, what depends on a key, on the layer
 * or on the version of the converter, biases, and the output layer, which may be tied. Where one of two branches is taken, either's tensor
 * will do: so `ffn_gate|ffn_down_exps` is a gate in each layer without experts. So an architecture without a row needs nothing that is known here.
 */
const ROWS: readonly Needed[] = [
  {
    of: "baichuan eurobert qwen2 qwen2vl qwen3 qwen3vl orion internlm2 gemma gemma2 gemma3 gemma3n gemma-embedding xverse muse-glimmer exaone chameleon hunyuan-dense hunyuan_vl smollm3 dream llada pangu-embedded spark2_5 maincoder qwen3tts",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down ffn_gate ffn_norm ffn_up",
  },
  {
    of: "llama llama4 refact minicpm deepseek exaone-moe granite granitemoe dots1 afmoe laguna ernie4_5 ernie4_5-moe minimax-m3 mistral3 paddleocr llama-embed",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  {
    of: "qwen2moe qwen3moe qwen3vlmoe phimoe maple olmoe bailingmoe hunyuan-moe smallthinker llada-moe grovemoe minimax-m2 rnd1 mellum",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down_exps ffn_gate_exps ffn_gate_inp ffn_norm ffn_up_exps",
  },
  {
    of: "starcoder2 chatglm glm4 jais2 nemotron arcee apertus",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down ffn_norm ffn_up",
  },
  {
    of: "gpt2 gptneox mpt starcoder plamo3",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_qkv ffn_down ffn_norm ffn_up",
  },
  {
    of: "stablelm plamo command-r cohere2 seed_oss",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down ffn_gate ffn_up",
  },
  {
    of: "qwen openelm jais graniteswitch cogvlm",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_qkv ffn_down ffn_gate ffn_norm ffn_up",
  },
  {
    of: "deepseek32 glm-dsa dots3note hy_v4",
    once: "token_embd output_norm",
    each: "attn_kv_a_mqa attn_norm attn_output attn_q_a attn_q_b ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  { of: "hy_v3 mimo2 step35", once: "token_embd output_norm", each: "attn_norm attn_output QKV ffn_norm" },
  {
    of: "kimi-linear kimi-k3 glm5-next",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_q|attn_q_b|attn_qkv ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  { of: "deci nanbeige", once: "token_embd output_norm", each: "" },
  { of: "bert jina-bert-v3", once: "token_embd token_embd_norm", each: "attn_output QKV ffn_down ffn_up" },
  {
    of: "qwen3next qwen35moe",
    once: "token_embd output_norm",
    each: "attn_norm attn_q|attn_qkv|ssm_conv1d ssm_out|attn_output ffn_down_exps ffn_gate_inp ffn_up_exps|ffn_gate_up_exps",
  },
  { of: "phi3 pockettts", once: "token_embd output_norm", each: "attn_norm attn_output ffn_down ffn_norm ffn_up" },
  { of: "mamba mamba2", once: "token_embd output_norm", each: "attn_norm ssm_conv1d ssm_in ssm_out" },
  {
    of: "jamba granitehybrid",
    once: "token_embd output_norm",
    each: "attn_norm attn_q|ssm_in|attn_qkv ssm_out|attn_output ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  { of: "olmo talkie", once: "token_embd", each: "attn_output QKV ffn_down ffn_gate ffn_up" },
  { of: "olmo2 exaone4", once: "token_embd output_norm", each: "attn_output QKV ffn_down ffn_gate ffn_up" },
  {
    of: "deepseek2 mistral4",
    once: "token_embd output_norm",
    each: "attn_kv_a_mqa attn_norm attn_output attn_q|attn_q_b ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps|ffn_gate_up_exps",
  },
  {
    of: "deepseek2-ocr granite_swa",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps|ffn_gate_up_exps",
  },
  {
    of: "t5 t5encoder",
    once: "token_embd enc.output_norm",
    each: "attn_k attn_norm attn_o attn_q attn_v ffn_down ffn_norm ffn_up",
    layers: "enc.blk",
  },
  { of: "nemotron_h nemotron_h_moe", once: "token_embd output_norm", each: "attn_norm" },
  {
    of: "rwkv6 rwkv7",
    once: "token_embd token_embd_norm output_norm",
    each: "attn_norm time_mix_key time_mix_output time_mix_receptance time_mix_value channel_mix_key channel_mix_value",
  },
  {
    of: "rwkv6qwen2 arwkv7",
    once: "token_embd output_norm",
    each: "attn_norm time_mix_key time_mix_output time_mix_receptance time_mix_value ffn_down ffn_gate ffn_norm ffn_up",
  },
  {
    of: "lfm2 lfm2moe",
    once: "token_embd token_embd_norm",
    each: "attn_norm attn_output|shortconv.out_proj attn_q|attn_qkv|shortconv.in_proj ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  { of: "falcon", once: "token_embd output_norm", each: "attn_norm attn_output attn_qkv ffn_down ffn_up" },
  {
    of: "grok",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down_exps ffn_gate_inp ffn_norm ffn_up_exps",
  },
  {
    of: "modern-bert",
    once: "token_embd token_embd_norm output_norm",
    each: "attn_output attn_qkv ffn_down ffn_norm ffn_up",
  },
  { of: "nomic-bert", once: "token_embd token_embd_norm", each: "attn_output QKV ffn_down ffn_gate ffn_up" },
  {
    of: "nomic-bert-moe",
    once: "token_embd token_embd_norm",
    each: "attn_output QKV ffn_down|ffn_down_exps ffn_up|ffn_up_exps",
  },
  {
    of: "neo-bert",
    once: "token_embd enc.output_norm",
    each: "attn_norm attn_output attn_qkv ffn_down ffn_norm ffn_up",
  },
  { of: "jina-bert-v2", once: "token_embd token_embd_norm", each: "attn_output QKV ffn_down" },
  {
    of: "bloom",
    once: "token_embd token_embd_norm output_norm",
    each: "attn_norm attn_output attn_qkv ffn_down ffn_norm ffn_up",
  },
  {
    of: "qwen35",
    once: "token_embd output_norm",
    each: "attn_norm attn_q|attn_qkv|ssm_conv1d ssm_out|attn_output ffn_down ffn_gate ffn_up",
  },
  {
    of: "qwen4exp",
    once: "token_embd",
    each: "attn_q|attn_qkv ssm_out|attn_output ffn_down_exps ffn_gate_inp ffn_up_exps|ffn_gate_up_exps",
  },
  { of: "phi2", once: "token_embd output_norm", each: "attn_norm attn_output QKV ffn_down ffn_up" },
  {
    of: "plamo2",
    once: "token_embd output_norm",
    each: "attn_norm ssm_in|attn_qkv ssm_out|attn_output ffn_down ffn_norm ffn_up",
  },
  { of: "codeshell", once: "output_norm", each: "attn_norm attn_output QKV ffn_down ffn_norm ffn_up" },
  {
    of: "minicpm3",
    once: "token_embd output_norm",
    each: "attn_kv_a_mqa attn_kv_b attn_norm attn_output attn_q_a attn_q_b ffn_down ffn_gate ffn_norm ffn_up",
  },
  { of: "gemma4", once: "token_embd output_norm", each: "attn_norm attn_output ffn_down ffn_gate ffn_norm ffn_up" },
  {
    of: "gemma4-assistant",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_q ffn_down ffn_gate ffn_norm ffn_up",
  },
  {
    of: "falcon-h1",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ssm_conv1d ssm_in ssm_out ffn_down ffn_gate ffn_up",
  },
  {
    of: "cohere2moe",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_up|ffn_up_exps|ffn_gate_up_exps",
  },
  {
    of: "dbrx",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_qkv ffn_down_exps ffn_gate_exps ffn_gate_inp ffn_up_exps",
  },
  {
    of: "arctic",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down ffn_down_exps ffn_gate ffn_gate_inp ffn_norm ffn_up ffn_up_exps",
  },
  {
    of: "deepseek4",
    once: "token_embd output_norm",
    each: "attn_norm attn_q_a attn_q_b ffn_down_exps ffn_gate_exps ffn_gate_inp ffn_norm ffn_up_exps",
  },
  {
    of: "glm4moe",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_up|ffn_up_exps",
  },
  {
    of: "bitnet",
    once: "token_embd output_norm",
    each: "attn_k attn_norm attn_output attn_q attn_v ffn_down ffn_gate ffn_norm ffn_up",
  },
  {
    of: "plm",
    once: "token_embd output_norm",
    each: "attn_kv_a_mqa attn_kv_b attn_norm attn_output attn_q ffn_down ffn_norm ffn_up",
  },
  {
    of: "bailingmoe2",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_qkv ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  {
    of: "bailingmoe3",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_q|attn_q_b|ssm_conv1d_q ffn_down|ffn_down_exps ffn_gate|ffn_down_exps ffn_norm ffn_up|ffn_up_exps",
  },
  {
    of: "gpt-oss",
    once: "token_embd output_norm",
    each: "attn_norm attn_output QKV ffn_down_exps ffn_gate_exps ffn_gate_inp ffn_up_exps",
  },
  {
    of: "minimax-01",
    once: "token_embd output_norm",
    each: "attn_norm attn_output attn_q|attn_qkv ffn_down_exps ffn_gate_inp ffn_norm ffn_up_exps",
  },
  { of: "hrm_text", once: "token_embd", each: "" },
  {
    of: "eagle3",
    once: "output_norm",
    each: "attn_k attn_norm attn_output attn_q attn_v ffn_down ffn_gate ffn_norm ffn_up",
  },
  {
    of: "dflash",
    once: "enc.output_norm output_norm",
    each: "attn_k attn_norm attn_output attn_q ffn_down ffn_gate ffn_norm ffn_up",
  },
];

/** By architecture; `each` with {@link QKV} written out. */
export const NEEDED: ReadonlyMap<string, Needed> = new Map(
  ROWS.flatMap((row) => row.of.split(" ").map((name) => [name, { ...row, each: row.each.replace("QKV", QKV) }])),
);

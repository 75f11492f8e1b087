import type { WriterModel, WriterTensor, WriterValue } from "./gguf-writer.ts";

/** An encoder with its projector, in a published size but with few layers: they need their memory one after another. */
export interface ProjectorShape {
  readonly keys: Readonly<Record<string, WriterValue>>;
  readonly tensors: readonly WriterTensor[];
  /** The size of the image that needs the most memory; none for sound. */
  readonly largest?: readonly [width: number, height: number];
}

interface Encoder {
  readonly embedding: number;
  readonly forward: number;
  readonly heads: number;
  readonly gated?: boolean;
  readonly fused?: boolean;
  readonly biased?: boolean;
  readonly scaled?: boolean;
}

const F16 = 1;
const LAYERS = 4;
/** The width of the text model that serves beside them: Gemma 3 270M. */
export const SMALL_WIDTH = 640;

export function projectorModel({ keys, tensors }: ProjectorShape): WriterModel {
  return { metadata: { "general.architecture": "clip", "general.type": "mmproj", ...keys }, tensors };
}

export function matrix(name: string, ...shape: readonly number[]): WriterTensor {
  return { name: `${name}.weight`, shape, type: F16 };
}

export function vector(name: string, length: number): WriterTensor {
  return { name, shape: [length] };
}

/** A matrix with its bias. */
export function linear(name: string, from: number, to: number): readonly WriterTensor[] {
  return [matrix(name, from, to), vector(`${name}.bias`, to)];
}

function norm(name: string, length: number): readonly WriterTensor[] {
  return [vector(`${name}.weight`, length), vector(`${name}.bias`, length)];
}

function layers(prefix: string, encoder: Encoder): readonly WriterTensor[] {
  const { embedding, forward, gated = false, fused = false, biased = true, scaled = false } = encoder;
  return Array.from({ length: LAYERS }, (_, layer) => {
    const name = (part: string) => `${prefix}.blk.${layer}.${part}`;
    const attention = fused
      ? [matrix(name("attn_qkv"), embedding, 3 * embedding), vector(`${name("attn_qkv")}.bias`, 3 * embedding)]
      : ["attn_q", "attn_k", "attn_v"].flatMap((part) => linear(name(part), embedding, embedding));
    const scales = scaled ? ["ls1", "ls2"].map((part) => vector(`${name(part)}.weight`, embedding)) : [];
    const all = [
      ...attention,
      ...linear(name("attn_out"), embedding, embedding),
      ...norm(name("ln1"), embedding),
      ...norm(name("ln2"), embedding),
      ...linear(name("ffn_up"), embedding, forward),
      ...(gated ? linear(name("ffn_gate"), embedding, forward) : []),
      ...linear(name("ffn_down"), forward, embedding),
      ...scales,
    ];
    const unbiasedKey = prefix === "a" ? name("attn_k.bias") : "";
    return all.filter(({ name: own }) => (biased || !own.endsWith(".bias")) && own !== unbiasedKey);
  }).flat();
}

function encoderKeys(prefix: "vision" | "audio", { embedding, forward, heads }: Encoder): ProjectorShape["keys"] {
  return {
    [`clip.has_${prefix}_encoder`]: true,
    [`clip.${prefix}.embedding_length`]: embedding,
    [`clip.${prefix}.feed_forward_length`]: forward,
    [`clip.${prefix}.block_count`]: LAYERS,
    [`clip.${prefix}.projection_dim`]: SMALL_WIDTH,
    [`clip.${prefix}.attention.head_count`]: heads,
    [`clip.${prefix}.attention.layer_norm_epsilon`]: { type: "f32", value: 1e-6 },
  };
}

function visionKeys(type: string, encoder: Encoder, image: number, patch: number): ProjectorShape["keys"] {
  return {
    ...encoderKeys("vision", encoder),
    "clip.projector_type": type,
    "clip.vision.image_size": image,
    "clip.vision.patch_size": patch,
    "clip.vision.image_mean": { type: "array", of: "f32", value: [0.5, 0.5, 0.5] },
    "clip.vision.image_std": { type: "array", of: "f32", value: [0.5, 0.5, 0.5] },
  };
}

function patches(name: string, patch: number, embedding: number): WriterTensor {
  return { name, shape: [patch, patch, 3, embedding], type: F16 };
}

/** Qwen2-VL and Qwen2.5-VL: two frames of patches, and a merger of 2 x 2 patches. */
export function qwen2(text: number, type: string, encoder: Encoder, window?: number): ProjectorShape {
  const { embedding } = encoder;
  return {
    keys: {
      ...visionKeys(type, encoder, 560, 14),
      "clip.vision.projection_dim": text,
      ...(window === undefined ? {} : { "clip.vision.n_wa_pattern": window, "clip.use_silu": true }),
    },
    tensors: [
      patches("v.patch_embd.weight", 14, embedding),
      patches("v.patch_embd.weight.1", 14, embedding),
      ...layers("v", encoder),
      ...norm("v.post_ln", embedding),
      ...linear("mm.0", 4 * embedding, 4 * embedding),
      ...linear("mm.2", 4 * embedding, text),
    ],
    largest: [1792, 1792],
  };
}

/** Qwen3-VL: position embeddings of 48 x 48 patches, and three layers whose features go to the text model too. */
export function qwen3(text: number, encoder: Encoder): ProjectorShape {
  const { embedding } = encoder;
  const width = text === SMALL_WIDTH ? SMALL_WIDTH / 4 : text;
  const deep = [1, 2, 3].flatMap((layer) => [
    ...norm(`v.deepstack.${layer}.norm`, 4 * embedding),
    ...linear(`v.deepstack.${layer}.fc1`, 4 * embedding, 4 * embedding),
    ...linear(`v.deepstack.${layer}.fc2`, 4 * embedding, width),
  ]);
  return {
    keys: { ...visionKeys("qwen3vl_merger", encoder, 768, 16), "clip.use_gelu": true },
    tensors: [
      patches("v.patch_embd.weight", 16, embedding),
      patches("v.patch_embd.weight.1", 16, embedding),
      vector("v.patch_embd.bias", embedding),
      { name: "v.position_embd.weight", shape: [embedding, 48 * 48] },
      ...layers("v", { ...encoder, fused: true }),
      ...norm("v.post_ln", embedding),
      ...deep,
      ...linear("mm.0", 4 * embedding, 4 * embedding),
      ...linear("mm.2", 4 * embedding, width),
    ],
    largest: [2048, 2048],
  };
}

export function gemma3(text: number): ProjectorShape {
  const encoder = { embedding: 1152, forward: 4304, heads: 16 };
  return {
    keys: { ...visionKeys("gemma3", encoder, 896, 14), "clip.use_gelu": true },
    tensors: [
      patches("v.patch_embd.weight", 14, 1152),
      vector("v.patch_embd.bias", 1152),
      { name: "v.position_embd.weight", shape: [1152, 64 * 64] },
      ...layers("v", encoder),
      ...norm("v.post_ln", 1152),
      matrix("mm.input_projection", text, 1152),
      vector("mm.soft_emb_norm.weight", 1152),
    ],
    largest: [896, 896],
  };
}

/** LLaVA 1.5: CLIP ViT-L/14 at 336 pixels. */
export function llava(text: number): ProjectorShape {
  const encoder = { embedding: 1024, forward: 4096, heads: 16 };
  return {
    keys: visionKeys("mlp", encoder, 336, 14),
    tensors: [
      patches("v.patch_embd.weight", 14, 1024),
      vector("v.class_embd", 1024),
      { name: "v.position_embd.weight", shape: [1024, 577] },
      ...norm("v.pre_ln", 1024),
      ...layers("v", encoder),
      ...linear("mm.0", 1024, text),
      ...linear("mm.2", text, text),
    ],
    largest: [336, 336],
  };
}

/** Pixtral, and Mistral Small 3.1, which merges `merge` x `merge` patches. */
export function pixtral(text: number, image: number, patch: number, merge: number): ProjectorShape {
  const encoder = { embedding: 1024, forward: 4096, heads: 16, gated: true, biased: false };
  const merged =
    merge > 1 ? [matrix("mm.patch_merger", merge * merge * 1024, 1024), vector("mm.input_norm.weight", 1024)] : [];
  const side = 32 * patch * merge;
  return {
    keys: {
      ...visionKeys("pixtral", encoder, image, patch),
      "clip.use_silu": true,
      ...(merge > 1 ? { "clip.vision.spatial_merge_size": merge } : {}),
    },
    tensors: [
      patches("v.patch_embd.weight", patch, 1024),
      vector("v.pre_ln.weight", 1024),
      ...layers("v", encoder),
      ...merged,
      ...linear("mm.1", 1024, text),
      ...linear("mm.2", text, text),
      vector("v.token_embd.img_break", text),
    ],
    largest: [side, side],
  };
}

/** InternVL 2.5 and 3: tiles of 448 pixels, four of which are encoded together. */
export function internvl(text: number): ProjectorShape {
  const encoder = { embedding: 1024, forward: 4096, heads: 16, scaled: true };
  return {
    keys: {
      ...visionKeys("internvl", encoder, 448, 14),
      "clip.use_gelu": true,
      "clip.vision.projector.scale_factor": 2,
    },
    tensors: [
      patches("v.patch_embd.weight", 14, 1024),
      vector("v.patch_embd.bias", 1024),
      vector("v.class_embd", 1024),
      { name: "v.position_embd.weight", shape: [1024, 1025] },
      ...layers("v", encoder),
      ...norm("mm.model.mlp.0", 4096),
      ...linear("mm.model.mlp.1", 4096, text),
      ...linear("mm.model.mlp.3", text, text),
    ],
    largest: [1344, 1344],
  };
}

/** Whisper's encoder for 30 seconds of sound. */
export function whisper(
  type: string,
  mels: number,
  keys: ProjectorShape["keys"],
  projector: readonly WriterTensor[],
): ProjectorShape {
  const encoder = { embedding: 1280, forward: 5120, heads: 20 };
  return {
    keys: {
      ...encoderKeys("audio", encoder),
      "clip.projector_type": type,
      "clip.audio.num_mel_bins": mels,
      "clip.use_gelu": true,
      ...keys,
    },
    tensors: [
      { name: "a.conv1d.1.weight", shape: [3, mels, 1280], type: F16 },
      { name: "a.conv1d.1.bias", shape: [1, 1280] },
      { name: "a.conv1d.2.weight", shape: [3, 1280, 1280], type: F16 },
      { name: "a.conv1d.2.bias", shape: [1, 1280] },
      { name: "a.position_embd.weight", shape: [1280, 1500] },
      ...layers("a", encoder),
      ...norm("a.post_ln", 1280),
      ...projector,
    ],
  };
}

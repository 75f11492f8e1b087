import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { type EncoderSize, encoderFloats } from "./projector-graphs.ts";
import type { EstimateSettings } from "./types.ts";

/** The note on every projector. What fits with an upper bound fits. */
export const PROJECTOR_BOUND =
  "mmproj: its compute buffer is an upper bound: the widest moment of an encoder on its largest input";

/** Projectors that scale or crop every image to `image_size`; the others may take an image at its full size. */
const FIXED_SIZE: ReadonlySet<unknown> = new Set(["gemma3", "idefics3", "internvl", "llama4", "ldp", "ldpv2", "mlp"]);
/** Tokens of the largest image, and the patches of a side that become one token where the file does not say it. */
const MOST_TOKENS: ReadonlyMap<unknown, readonly [tokens: number, merge: number]> = new Map([
  ["pixtral", [1024, 1]],
  ["internvl", [1024, 1]],
  ["hunyuanvl", [16_384, 2]],
  ["youtuvl", [62_500, 2]],
]);
/** Tokens of the largest image that the others take, of 2 x 2 patches each. */
const OTHER_TOKENS = [4096, 2] as const;
/** Tokens of the images of one size that are encoded together (`--mtmd-batch-max-tokens`). */
const BATCH_TOKENS = 1024;
/** Projectors whose images are encoded together. */
const BATCHED: ReadonlySet<unknown> = new Set(["internvl"]);
/** Frames in the 30 seconds of sound that an encoder takes at once. */
const SOUND_FRAMES = 3000;
/** Whisper's encoder halves them before its layers. */
const HALVED: ReadonlySet<unknown> = new Set(["qwen2a", "ultravox"]);

type ReadKey = (key: string) => Result<number>;

/** The compute buffer of one encoder in bytes. @param prefix `clip.vision` or `clip.audio` */
export function encoderBytes(header: GgufHeader, prefix: string, settings: EstimateSettings): Result<number> {
  const read = reader(header, prefix);
  const [embedding, forward, heads] = [
    read("embedding_length"),
    read("feed_forward_length"),
    read("attention.head_count"),
  ];
  if (!embedding.ok) return embedding;
  if (!forward.ok) return forward;
  if (!heads.ok) return heads;
  const type = projectorType(header, prefix);
  const input = prefix === "clip.audio" ? ok(soundInput(type)) : imageInput(header, type, read);
  if (!input.ok) return input;
  const size: EncoderSize = {
    ...input.value,
    embedding: embedding.value,
    forward: forward.value,
    heads: heads.value,
    flashAttention: settings.flashAttention,
    isWindowed: ["n_wa_pattern", "window_size", "wa_layer_indexes"].some((key) =>
      header.metadata.has(`${prefix}.${key}`),
    ),
  };
  const { floats, inputs } = encoderFloats(type, size, header);
  // The inputs lie with the CPU, and on Metal once more with the GPU.
  return ok(Math.ceil(4 * (settings.backend === "metal" ? floats + inputs : floats)));
}

function reader({ metadata }: GgufHeader, prefix: string): ReadKey {
  return (key) => {
    const value = metadata.get(`${prefix}.${key}`);
    if (isWhole(value)) return ok(value);
    const held = typeof value === "number" ? `holds ${value}` : "is missing or not a number";
    return fail(`key "${prefix}.${key}" ${held}: a whole number from 1 to 2^20 is expected`);
  };
}

function isWhole(value: unknown, most = 2 ** 20): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most;
}

/** llama.cpp takes one type for both encoders before each one's own. */
function projectorType({ metadata }: GgufHeader, prefix: string): unknown {
  const type = metadata.get("clip.projector_type") || metadata.get(`${prefix}.projector_type`);
  if (type !== "qwen2.5o") return type;
  return prefix === "clip.audio" ? "qwen2a" : "qwen2.5vl_merger";
}

type EncoderInput = Pick<EncoderSize, "positions" | "inputs" | "pixels" | "merge">;

function soundInput(type: unknown): EncoderInput {
  return { positions: HALVED.has(type) ? SOUND_FRAMES / 2 : SOUND_FRAMES, inputs: 1, pixels: 0, merge: 1 };
}

function imageInput({ metadata }: GgufHeader, type: unknown, read: ReadKey): Result<EncoderInput> {
  const image = read("image_size");
  if (!image.ok) return image;
  const patch = read("patch_size");
  if (!patch.ok) return patch;
  const key = (name: string) => {
    const value = metadata.get(`clip.vision.${name}`);
    return isWhole(value, 2 ** 31) ? value : undefined;
  };
  const [tokens, usualMerge] = MOST_TOKENS.get(type) ?? OTHER_TOKENS;
  const merge = key("spatial_merge_size") ?? key("projector.scale_factor") ?? usualMerge;
  const own = Math.ceil(image.value / patch.value) ** 2;
  const pixels = 3 * patch.value ** 2;
  if (FIXED_SIZE.has(type)) {
    const inputs = BATCHED.has(type) ? Math.max(1, Math.floor(BATCH_TOKENS / (own / merge ** 2))) : 1;
    return ok({ positions: own, inputs, pixels, merge });
  }
  const longest = Math.ceil((key("preproc_image_size") ?? 0) / patch.value) ** 2;
  const most = Math.ceil((key("image_max_pixels") ?? 0) / patch.value ** 2);
  const largest = Math.max(tokens * merge ** 2, longest, most);
  return ok({ positions: type === "pixtral" ? largest : Math.max(own, largest), inputs: 1, pixels, merge });
}
